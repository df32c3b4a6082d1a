import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { endWithUs } from '../../../scripts/guard.mjs';
import { keys } from '../../../src/redis/keys.js';
import { type PythonRqVersion, type RunningPython, startPython } from '../../support/python.js';
import { until } from '../../support/until.js';
import { asUser } from '../../support/users.js';
import type { Scene } from './scene.js';
import { fixture, type Victim } from './victim.js';

const fixtures = fileURLToPath(new URL('../fixtures', import.meta.url));

/** What a job of either side wrote when a run of it began, and when that ended. */
export interface Line {
  id: string;
  /** Of Node's runs. Python tells its jobs no such thing. */
  execution?: string;
  phase: 'begin' | 'end' | 'fail';
  side: 'node' | 'python';
  /** Of the process that ran it: a child, a horse, or the worker itself. */
  pid: number;
  /** Of its parent. */
  boss: number;
  /** Milliseconds since the epoch, by the clock of Redis. */
  at: number;
}

export const ofSeveralQueues = 'Python workers of several queues, with a scheduler';

interface PythonWorker {
  name: string;
  queues: readonly string[];
  options: readonly string[];
  mayDie: boolean;
  running: RunningPython;
}

/** Workers of both sides on the queues of a scene, and a ledger that their jobs write. */
export class Fleet {
  private readonly nodes: Victim[] = [];
  private readonly nodeNames: string[] = [];
  private readonly pythons: PythonWorker[] = [];
  private born = 0;
  private readonly coming = new Set<Promise<void>>();
  /** Processes that were killed. */
  readonly killed = new Set<number>();
  /** Names of the workers that were killed. */
  readonly dead = new Set<string>();
  /** Children that outlive a killed worker of Python: its scheduler goes on as if nothing had been. */
  private readonly orphans: Array<{ pid: number; name: string; release: () => void }> = [];
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
    this.nodeNames.push(name);
  }

  /** A Python worker. One of a single queue leaves what it popped in flight; one of several has it in its hand only. */
  async python(queues: readonly string[], ...options: string[]): Promise<void> {
    const name = `python-${++this.born}`;
    const json = 'rq.serializers.JSONSerializer';
    const args = ['-m', 'rq.cli', 'worker', ...queues, '-S', json, '--name', name, ...options];
    const running = startPython(this.version, args, this.pythonEnvironment);
    const worker = { name, queues, options, running, mayDie: false };
    this.pythons.push(worker);
    await until(`${name} is up`, () => this.scene.rq.redis.exists(`rq:worker:${name}`), {
      deadlineMs: 30_000,
    });
    worker.mayDie = true;
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
    this.dead.add(this.nodeNames.shift() ?? '');
    await victim.kill();
  }

  /**
   * The worker with its children, a horse and maybe a scheduler; or these alone, or the worker alone. Another
   * worker of the same kind takes its place.
   */
  killPython(what: 'both' | 'children' | 'worker'): void {
    const victim = this.pythons.find(({ mayDie }) => mayDie);
    const pid = victim?.running.child.pid;
    if (!victim || pid === undefined) return;
    const children = childrenOf(pid);
    const { name, queues, options } = victim;
    if (what !== 'children') {
      this.pythons.splice(this.pythons.indexOf(victim), 1);
      this.count(queues.length > 1 ? ofSeveralQueues : 'Python workers', pid);
      this.dead.add(name);
      victim.running.child.kill('SIGKILL');
      this.join(this.python(queues, ...options));
    }
    for (const child of children) {
      if (what === 'worker') {
        this.orphans.push({ pid: child, name, release: endWithUs(child) });
        continue;
      }
      this.count('horses and schedulers', child);
      try {
        process.kill(child, 'SIGKILL');
      } catch {
        // It had ended in the meantime: then nothing of it was cut.
        this.killed.delete(child);
      }
    }
  }

  /**
   * As if the minute and a half had passed after which Python's leases and the locks of its schedulers run out: those
   * of dead workers are over now. Their in-flight ids are old by themselves, or soon.
   */
  async age(): Promise<void> {
    const { redis } = this.scene.rq;
    const alive = new Set(this.pythons.map(({ name }) => name));
    for (const queue of ['fleet-a', 'fleet-b']) {
      const lock = keys.schedulerLock(queue);
      const holder = await redis.get(lock);
      if (holder !== null && !(await this.isAlive(holder))) await redis.del(lock);
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
    return entries.map(([entry, fields]) => {
      const line: Record<string, string> = {};
      for (let at = 0; at < fields.length; at += 2) line[fields[at] ?? ''] = fields[at + 1] ?? '';
      const { pid, boss } = line;
      return { ...line, pid: Number(pid), boss: Number(boss), at: Number.parseInt(entry, 10) };
    }) as Line[];
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.coming);
    await Promise.all(this.pythons.map(({ running }) => running.stop()));
    for (const { pid, name, release } of this.orphans) {
      // Its id may be another's by now.
      if (commandOf(pid).includes(name)) process.kill(pid, 'SIGKILL');
      release();
    }
    this.ledgerRedis.disconnect();
  }

  /** Whether the holder of a scheduler's lock runs. RQ 1.16 writes its pid there; the others a name, and the pid elsewhere. */
  private async isAlive(holder: string): Promise<boolean> {
    const pid = (await this.scene.rq.redis.hget(keys.scheduler(holder), 'pid')) ?? holder;
    return /^\d{1,9}$/.test(pid) && commandOf(Number(pid)) !== '';
  }

  private count(kind: string, pid: number): void {
    this.killed.add(pid);
    this.kills[kind] = (this.kills[kind] ?? 0) + 1;
  }
}

/** The command line of a process; empty when there is none, or it has ended and nobody has asked how. */
const commandOf = (pid: number): string => {
  try {
    const [state = '', args = ''] = execFileSync('ps', ['-o', 'stat=,args=', '-p', String(pid)], {
      encoding: 'utf8',
    }).split(/ +(.*)/s);
    return state.startsWith('Z') ? '' : args;
  } catch {
    // ps says 1 where there is none.
    return '';
  }
};

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
