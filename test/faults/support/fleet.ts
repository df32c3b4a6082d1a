import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { type PythonRqVersion, type RunningPython, startPython } from '../../support/python.js';
import { until } from '../../support/until.js';
import { asUser } from '../../support/users.js';
import type { Scene } from './scene.js';
import { fixture, type Victim } from './victim.js';

const fixtures = fileURLToPath(new URL('../fixtures', import.meta.url));

/** What a job of either side wrote when a run of it began, and when that ended. */
export interface Line {
  id: string;
  phase: 'begin' | 'end' | 'fail';
  side: 'node' | 'python';
  /** Of the process that ran it: a child, a horse, or the worker itself. */
  pid: number;
  /** Of its parent. */
  boss: number;
}

interface PythonWorker {
  name: string;
  mayDie: boolean;
  running: RunningPython;
}

/** Workers of both sides on the queues of a scene, and a ledger that their jobs write. */
export class Fleet {
  private readonly nodes: Victim[] = [];
  private readonly pythons: PythonWorker[] = [];
  private born = 0;
  private readonly coming = new Set<Promise<void>>();
  /** Processes that were killed. */
  readonly killed = new Set<number>();
  readonly kills: Record<string, number> = {};
  private readonly ledgerRedis: Redis;

  constructor(
    private readonly scene: Scene,
    private readonly version: PythonRqVersion,
  ) {
    this.ledgerRedis = new Redis(this.ledgerUrl);
  }

  get ledgerUrl(): string {
    return `${this.scene.server.url}/1`;
  }

  get pythonEnvironment() {
    const url = asUser(this.scene.server.url, 'python');
    return { REDIS_URL: url, LEDGER: this.ledgerUrl, PYTHONPATH: fixtures };
  }

  /** A Node worker of all queues, with a scheduler. */
  async node(isolation: 'pool' | 'inline'): Promise<void> {
    const name = `node-${++this.born}`;
    const handlers = fixture('fleet.mjs');
    const queues = ['fleet-a', 'fleet-b'];
    const options = { name, queues, isolation, concurrency: 3, handlers, ledger: this.ledgerUrl };
    this.nodes.push(await this.scene.worker(options));
  }

  /** A Python worker. One of a single queue leaves what it popped in flight; one of several has it in its hand only. */
  async python(queues: readonly string[], ...options: string[]): Promise<void> {
    const name = `python-${++this.born}`;
    const json = 'rq.serializers.JSONSerializer';
    const args = ['-m', 'rq.cli', 'worker', ...queues, '-S', json, '--name', name, ...options];
    const running = startPython(this.version, args, this.pythonEnvironment);
    const worker = { name, running, mayDie: false };
    this.pythons.push(worker);
    await until(`${name} is up`, () => this.scene.rq.redis.exists(`rq:worker:${name}`), {
      deadlineMs: 30_000,
    });
    // The lock of a scheduler that is killed would be everybody's for a minute.
    worker.mayDie = !options.includes('--with-scheduler');
  }

  /** Lets a worker come up by itself: what dies next does not wait for it. */
  join(coming: Promise<void>): void {
    this.coming.add(coming);
    // Whoever waits for all of them hears of it.
    coming.then(
      () => this.coming.delete(coming),
      () => undefined,
    );
  }

  get isComplete(): boolean {
    return this.coming.size === 0;
  }

  async allUp(): Promise<void> {
    await Promise.all(this.coming);
  }

  async killNode(): Promise<void> {
    const victim = this.nodes.shift();
    if (!victim) return;
    this.count('Node workers', victim.pid);
    await victim.kill();
  }

  /** The worker with its horse; or the horse alone, or the worker alone. */
  async killPython(what: 'both' | 'horse' | 'worker'): Promise<void> {
    const victim = this.pythons.find(({ mayDie }) => mayDie);
    const pid = victim?.running.child.pid;
    if (!victim || pid === undefined) return;
    const horses = childrenOf(pid);
    if (what !== 'horse') {
      this.pythons.splice(this.pythons.indexOf(victim), 1);
      this.count('Python workers', pid);
      victim.running.child.kill('SIGKILL');
    }
    if (what === 'worker') return;
    for (const horse of horses) {
      this.count('horses', horse);
      try {
        process.kill(horse, 'SIGKILL');
      } catch {
        // It had ended in the meantime: then nothing of it was cut.
        this.killed.delete(horse);
      }
    }
  }

  /**
   * As if the minute and a half had passed after which Python's leases run out: those of dead workers are over now.
   * Their in-flight ids and locks are old by themselves, or soon.
   */
  async age(): Promise<void> {
    const { redis } = this.scene.rq;
    const alive = new Set(this.pythons.map(({ name }) => name));
    for (const queue of ['fleet-a', 'fleet-b']) {
      for (const member of await redis.zrange(`rq:wip:${queue}`, '0', '-1')) {
        const [id] = member.split(':');
        // 1.x has no executions. One that was killed before its horse began is not named in the job.
        const owner =
          (await redis.hget(`rq:execution:${member}`, 'worker_name')) ??
          (await redis.hget(`rq:job:${id}`, 'worker_name')) ??
          '';
        if (owner.startsWith('python-') && !alive.has(owner))
          await redis.zadd(`rq:wip:${queue}`, 'XX', 1, member);
      }
    }
  }

  async ledger(): Promise<Line[]> {
    const entries = await this.ledgerRedis.xrange('ledger', '-', '+');
    return entries.map(([, fields]) => {
      const line: Record<string, string> = {};
      for (let at = 0; at < fields.length; at += 2) line[fields[at] ?? ''] = fields[at + 1] ?? '';
      return { ...line, pid: Number(line.pid), boss: Number(line.boss) } as unknown as Line;
    });
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.coming);
    await Promise.all(this.pythons.map(({ running }) => running.stop()));
    this.ledgerRedis.disconnect();
  }

  private count(kind: string, pid: number): void {
    this.killed.add(pid);
    this.kills[kind] = (this.kills[kind] ?? 0) + 1;
  }
}

const childrenOf = (pid: number): number[] => {
  try {
    return execFileSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
      .split('\n')
      .filter(Boolean)
      .map(Number);
  } catch {
    // pgrep says 1 where there are none.
    return [];
  }
};
