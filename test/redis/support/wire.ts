import type { Redis } from 'ioredis';
import { registryOf } from '../../../src/redis/audit/job-view.js';
import { openCommandConnection } from '../../../src/redis/connection.js';
import { isTerminal, type JobStatus } from '../../../src/redis/job-status.js';
import { keys } from '../../../src/redis/keys.js';
import { type LifecycleEvent, unfoldEntry } from '../../../src/redis/lifecycle-event.js';
import { enqueue, type NewJob } from '../../../src/redis/transitions/enqueue.js';
import { planWire, type WireSettings } from '../../../src/redis/transitions/queue-keys.js';
import {
  type ExchangeReply,
  type ExchangeRequest,
  exchangeFor,
} from '../../../src/redis/transitions/settle-and-claim.js';
import type { ClaimedJob, Settlement, Verdict } from '../../../src/redis/transitions/settlement.js';

type End = Settlement['end'];

export const createdAt = '2026-11-23T07:00:00.000000Z';

/** A job as a Node producer writes it. */
export const newJob = (id: string, more: Partial<NewJob> = {}): NewJob => ({
  id,
  data: Buffer.from('["tasks.add", null, [1, 2], {}]'),
  description: 'tasks.add(1, 2)',
  atFront: false,
  ttlSeconds: null,
  fields: [],
  ...more,
});

/** One worker's side of the wire: exchanges with request ids that grow, as the intake's do. */
export class TestWorker {
  private calls = 0;
  private readonly exchange: ReturnType<typeof exchangeFor>;

  constructor(
    readonly redis: Redis,
    readonly queues: readonly string[],
    readonly tag: string,
    readonly name: string,
    settings: WireSettings,
  ) {
    this.exchange = exchangeFor(redis, name, queues, settings);
  }

  request(parts: Partial<ExchangeRequest> = {}): ExchangeRequest {
    this.calls += 1;
    return {
      requestId: this.tag + this.calls.toString(16).padStart(12, '0'),
      settlements: [],
      begun: [],
      hints: [],
      toStart: 0,
      toHold: 0,
      ...parts,
    };
  }

  send(request: ExchangeRequest, slot = 0, isAskedAgain = false): Promise<ExchangeReply> {
    return this.exchange(slot, request, isAskedAgain);
  }

  async claim(count = 1): Promise<ClaimedJob[]> {
    return (await this.send(this.request({ toStart: count }))).claimed;
  }

  /** Claims one job. @throws when there is none */
  async claimOne(): Promise<ClaimedJob> {
    const [job] = await this.claim(1);
    if (!job) throw new Error(`${this.name} claimed nothing`);
    return job;
  }

  async hold(count = 1): Promise<ClaimedJob[]> {
    return (await this.send(this.request({ toHold: count }))).claimed;
  }

  async settle(job: ClaimedJob, end: End, more: Partial<Settlement> = {}): Promise<Verdict> {
    const settled = settlement(job, end, more);
    const reply = await this.send(
      this.request({ settlements: [settled], workedMs: settled.tookMs }),
    );
    return reply.verdicts[0] as Verdict;
  }
}

export const settlement = (
  job: ClaimedJob,
  end: End,
  more: Partial<Settlement> = {},
): Settlement => ({ job, beganAtMs: null, tookMs: 5, heartbeaten: false, end, ...more });

export const finish = (result: string | null = '3'): End => ({
  kind: 'finish',
  result: result === null ? null : Buffer.from(result),
});

export const fail = (reason = 'Error: no', retryable = true): End => ({
  kind: 'fail',
  reason,
  retryable,
  traceback: `${reason}\n    at tasks.js:1`,
});

export const back: End = { kind: 'back', reason: 'the worker is leaving' };

type EndStatus = 'finished' | 'failed' | 'stopped' | 'canceled';
export const isEnd = (status: string): status is EndStatus => isTerminal(status as JobStatus);

/** A connection and settings, and what tests look at. */
export class Wire {
  readonly redis: Redis;
  readonly settings: WireSettings;
  private workers = 0;

  constructor(url: string, settings: Partial<WireSettings> = {}) {
    this.redis = openCommandConnection(url);
    this.settings = planWire(settings);
  }

  worker(...queues: string[]): TestWorker {
    this.workers += 1;
    const tag = this.workers.toString(16).padStart(12, 'a');
    const all = queues.length > 0 ? queues : ['default'];
    return new TestWorker(this.redis, all, tag, `w${this.workers}`, this.settings);
  }

  async enqueue(...jobs: Array<string | NewJob>): Promise<void> {
    await this.enqueueOn('default', ...jobs);
  }

  async enqueueOn(queue: string, ...jobs: Array<string | NewJob>): Promise<void> {
    const all = jobs.map((job) => (typeof job === 'string' ? newJob(job) : job));
    const verdicts = await enqueue(this.redis, queue, createdAt, all, this.settings);
    if (verdicts.some((verdict) => verdict !== 'written')) throw new Error(verdicts.join(' '));
  }

  /** A job as Python writes it, with some fields otherwise; `undefined` leaves one out. */
  async enqueuePython(id: string, more: Record<string, string | undefined> = {}): Promise<void> {
    const hash = {
      created_at: createdAt,
      data: '["tasks.add", null, [1, 2], {}]',
      origin: 'default',
      description: 'tasks.add(1, 2)',
      enqueued_at: createdAt,
      started_at: '',
      ended_at: '',
      last_heartbeat: '',
      worker_name: '',
      timeout: '180',
      status: 'queued',
      success_callback_name: '',
      failure_callback_name: '',
      stopped_callback_name: '',
      ...more,
    };
    const fields = Object.entries(hash).filter(([, value]) => value !== undefined);
    await this.redis.hset(keys.job(id), ...(fields.flat() as string[]));
    await this.redis.sadd(keys.queues, keys.queue('default'));
    await this.redis.rpush(keys.queue('default'), id);
  }

  /** As somebody else ends a job: its word, and its place among those. */
  async endAs(id: string, status: EndStatus, queue = 'default'): Promise<void> {
    await this.redis.hset(keys.job(id), 'status', status);
    await this.redis.zadd(keys[registryOf[status]](queue), 9e9, id);
  }

  hash(id: string): Promise<Record<string, string>> {
    return this.redis.hgetall(keys.job(id));
  }

  async status(id: string): Promise<string | null> {
    return this.redis.hget(keys.job(id), 'status');
  }

  ids(queue = 'default'): Promise<string[]> {
    return this.redis.lrange(keys.queue(queue), 0, -1);
  }

  async events(queue = 'default'): Promise<LifecycleEvent[]> {
    const entries = await this.redis.xrange(keys.events(queue), '-', '+');
    return entries.flatMap(([entryId, fields]) => unfoldEntry(queue, entryId, fields));
  }

  /** The kinds of one job's events, in order. */
  async story(id: string, queue = 'default'): Promise<string> {
    const events = await this.events(queue);
    return events.flatMap((event) => (event.jobId === id ? [event.kind] : [])).join(' ');
  }

  async nowSeconds(): Promise<number> {
    return Number((await this.redis.time())[0]);
  }

  /** Everything in the database that `pattern` names, to compare a before with an after. */
  async snapshot(pattern = '*'): Promise<Record<string, string>> {
    const names = (await this.redis.keys(pattern)).sort();
    const dumps = await Promise.all(names.map((name) => this.redis.callBuffer('DUMP', name)));
    return Object.fromEntries(
      names.map((name, at) => [name, String((dumps[at] as Buffer).toString('hex'))]),
    );
  }

  close(): void {
    this.redis.disconnect();
  }
}
