import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll } from '@jest/globals';
import type { Settled } from '../../../src/actors/recorder.js';
import { Worker, type WorkerEvents } from '../../../src/actors/worker.js';
import { planWorker, type WorkerOptions } from '../../../src/actors/worker-options.js';
import { makeExecutorOf } from '../../../src/boot/make-executor.js';
import type { JobOptions } from '../../../src/redis/job-options.js';
import { keys } from '../../../src/redis/keys.js';
import { type LifecycleEvent, unfoldEntry } from '../../../src/redis/lifecycle-event.js';
import type { Job } from '../../../src/streams/job.js';
import type { Queue } from '../../../src/streams/queue.js';
import { Rq } from '../../../src/streams/rq.js';
import { type FreshRedis, freshRedis } from '../../support/redis.js';
import { until } from '../../support/until.js';

export const fixture = (name: string): string =>
  new URL(`../fixtures/${name}`, import.meta.url).href;

export interface RiggedWorker {
  readonly worker: Worker;
  readonly settled: Settled[];
  readonly troubles: unknown[];
  /** Ids of jobs in the order in which they were claimed. */
  readonly claimed: string[];
}

/**
 * Redis, a queue, and as many workers as a test starts, each in this process with real children. Everything is
 * gone after each test.
 */
export class Rig {
  private redis: FreshRedis | null = null;
  private rqs: Rq[] = [];
  private workers: Worker[] = [];
  private directory = '';
  private files = 0;
  private names = 0;

  constructor() {
    beforeAll(async () => {
      this.redis = await freshRedis();
      this.directory = mkdtempSync(join(tmpdir(), 'rxrq-cast-'));
    });
    afterEach(async () => {
      await Promise.all(this.workers.splice(0).map((worker) => worker.stop({ graceMs: 0 })));
      await this.closeAll();
      await this.client.flushdb();
    });
    afterAll(async () => {
      rmSync(this.directory, { recursive: true, force: true });
      await this.redis?.close();
    });
  }

  get client(): FreshRedis['client'] {
    if (!this.redis) throw new Error('the rig is not up');
    return this.redis.client;
  }

  get url(): string {
    return this.redis?.url ?? '';
  }

  /** An `Rq` that is closed after the test. */
  rq(url = this.url): Rq {
    const rq = new Rq({ url });
    this.rqs.push(rq);
    return rq;
  }

  queue(name = 'default', url?: string): Queue {
    return this.rq(url).queue(name);
  }

  /** Closes what `rq` and `queue` opened. */
  async closeAll(): Promise<void> {
    await Promise.all(this.rqs.splice(0).map((rq) => rq.close()));
  }

  /** A path that nothing else uses; there is no such file. */
  path(): string {
    this.files += 1;
    return join(this.directory, `${this.files}`);
  }

  /** A file whose coming a handler waits for. */
  gate(): { path: string; open(): void } {
    const path = this.path();
    return { path, open: () => writeFileSync(path, '') };
  }

  /** A worker that is not started. */
  make(
    options: WorkerOptions = {},
    { modules = [fixture('tasks.js')], on = {} }: { modules?: string[]; on?: WorkerEvents } = {},
  ): RiggedWorker {
    this.names += 1;
    const settled: Settled[] = [];
    const troubles: unknown[] = [];
    const claimed: string[] = [];
    const name = `w${this.names}`;
    // The Redis of tests keeps nothing, and need not.
    const plan = planWorker({ url: this.url, name, durability: 'ignore', ...options });
    const onTrouble = (error: unknown) => void troubles.push(error);
    const worker = new Worker(plan, makeExecutorOf(modules, { container: null }, onTrouble), {
      ...on,
      onStarted: (jobs) => void claimed.push(...jobs.map(({ jobId }) => jobId)),
      onSettled: (each) => {
        settled.push(each);
        on.onSettled?.(each);
      },
      onTrouble,
    });
    this.workers.push(worker);
    return { worker, settled, troubles, claimed };
  }

  async start(...args: Parameters<Rig['make']>): Promise<RiggedWorker> {
    const rigged = this.make(...args);
    await rigged.worker.start();
    return rigged;
  }

  async enqueue(
    name: string,
    args: readonly unknown[] = [],
    options: JobOptions = {},
    queue = this.queue(),
  ): Promise<Job> {
    const [job] = await queue.enqueueMany([{ name: `tasks.${name}`, args, options }]);
    return job as Job;
  }

  async enqueueMany(count: number, name: string, args: readonly unknown[] = []): Promise<Job[]> {
    return this.queue().enqueueMany(
      Array.from({ length: count }, () => ({ name: `tasks.${name}`, args })),
    );
  }

  /** Lifecycle events of the queue so far, oldest first. */
  async story(queue = 'default'): Promise<LifecycleEvent[]> {
    const entries = await this.client.xrange(keys.events(queue), '-', '+');
    return entries.flatMap(([id, fields]) => unfoldEntry(queue, id, fields));
  }

  /** Kinds of the events of one job, in order. */
  async kindsOf(job: Job): Promise<string[]> {
    const story = await this.story(job.queue);
    return story.filter(({ jobId }) => jobId === job.id).map(({ kind }) => kind);
  }

  wip(queue = 'default'): Promise<number> {
    return this.client.zcard(keys.wip(queue));
  }
}

/** Lines of a file that handlers write; none while it is not there. */
export const linesOf = (path: string): string[] =>
  existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : [];

export const begun = (path: string, count = 1): Promise<unknown> =>
  until(
    `${count} handlers have begun`,
    () => linesOf(path).filter((line) => line.startsWith('begun')).length >= count,
  );
