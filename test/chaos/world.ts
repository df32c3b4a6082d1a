import { setTimeout as delay } from 'node:timers/promises';
import type { Rq } from '../../src/streams/rq.js';
import { MovedClock } from '../faults/support/moved-clock.js';
import { Scene } from '../faults/support/scene.js';
import type { Victim } from '../faults/support/victim.js';
import type { LossyProxy } from '../support/lossy-proxy.js';
import { asUser, nobodyElse, refusalsOf } from '../support/users.js';
import type { Dice } from './dice.js';
import { Producers } from './producers.js';
import { Snake } from './snake.js';

export const queues = ['high', 'default', 'low'] as const;
/** Python works here as well. Its workers write no events, so these jobs are judged by their status. */
export const mixed = 'mixed';

const wire = {
  narrowLeaseMs: 2_000,
  wideLeaseSeconds: 60,
  maxRecoveries: 1_000,
  eventLogLength: 10_000_000,
  resultTtlSeconds: 86_400,
  failureTtlSeconds: 86_400,
};

/** Why a worker may fail to begin: it came while Redis was away, or let nobody in. */
const excuses = /^RedisUnavailableError|NOAUTH|WRONGPASS|READONLY|BUSY|max number of clients/;

/** What is to suffer: a Redis with a log, a network before it, a fleet of workers, and producers. */
export class World {
  readonly producers = new Producers(queues, mixed);
  snake: Snake | null = null;
  workers: Victim[] = [];
  /** Ended by themselves when nobody had asked them to, and why: none should. */
  readonly crashes: string[] = [];
  /** Did not begin, for a reason that holds. */
  failedStarts = 0;
  private started = 0;

  private constructor(
    readonly scene: Scene,
    readonly network: LossyProxy,
    /** Producers, beside the network and behind it. */
    readonly near: Rq,
    readonly far: Rq,
    /** A person who looks after all this. */
    readonly operator: Rq,
    /** Is never killed: shows what a long life leaves behind. */
    readonly witness: Victim,
    /** Connections to Redis before there were workers. */
    readonly firstConnections: number,
    private readonly clock: MovedClock | null,
  ) {}

  static async begin(size: number): Promise<World> {
    const kept = ['--appendonly', 'yes', '--appendfsync', 'everysec'];
    const scene = await Scene.open(wire, [...kept, ...nobodyElse]);
    const network = await scene.network();
    const near = scene.client('producer');
    const far = scene.client('producer', network.url);
    const operator = scene.client('operator');
    await Promise.all([scene.rq, near, far, operator].map(({ redis }) => redis.ping()));
    const before = await connectionsOf(scene);
    const witness = await scene.worker({
      url: network.url,
      queues: [...queues, mixed],
      isolation: 'inline',
      concurrency: 4,
      name: 'witness',
      execArgv: ['--expose-gc', '--import', new URL('fixtures/collect.mjs', import.meta.url).href],
    });
    const clock = MovedClock.make();
    clock?.moveTo(-600_000);
    const world = new World(scene, network, near, far, operator, witness, before, clock);
    for (let n = 0; n < size; n += 1) world.hire();
    if (Snake.isThere) {
      world.snake = new Snake(asUser(scene.server.url, 'python'), mixed);
      world.snake.start();
    }
    return world;
  }

  produce(jobsPerSecond: number, dice: Dice): void {
    this.producers.start(this.near, jobsPerSecond / 2, dice.fork());
    this.producers.start(this.far, jobsPerSecond / 2, dice.fork());
  }

  /**
   * One more worker: in turns behind the network and beside it, with children and without, now and then with a clock
   * that is ten minutes late.
   */
  private hire(): void {
    const n = this.started++;
    const worker = this.scene.victim({
      ...(n % 2 === 0 && { url: this.network.url }),
      ...(n % 5 === 4 && this.clock && { env: this.clock.env }),
      queues: [...queues, mixed],
      isolation: n % 3 === 2 ? 'inline' : n % 6 === 4 ? 'fork-per-job' : 'pool',
      concurrency: 2,
      graceMs: 5_000,
      killGraceMs: 1_000,
    });
    this.workers.push(worker);
  }

  /** Takes a worker out of the fleet, and puts another one in its place. */
  replace(worker: Victim): void {
    this.workers = this.workers.filter((one) => one !== worker);
    this.hire();
  }

  /**
   * Replaces workers that are gone, as any process manager would, and remembers what they said.
   *
   * @throws when the witness is gone, a producer failed, or a role lacks a right
   */
  async tend(): Promise<void> {
    this.producers.check();
    await this.checkRights();
    for (const worker of this.workers.filter(({ isGone }) => isGone)) {
      const code = await worker.end();
      const failed = worker.messages.find(({ kind }) => kind === 'failed');
      const said = failed ? `${failed.name}: ${failed.message} ${failed.cause}` : worker.stderr;
      if (failed && excuses.test(said)) this.failedStarts += 1;
      else this.crashes.push(`${code}: ${said.slice(-500)}`);
      this.replace(worker);
    }
    if (this.witness.isGone) throw new Error(`the witness is gone: ${this.witness.stderr}`);
  }

  /**
   * Again and again, since Redis forgets what it refused when it restarts.
   *
   * @throws when somebody asked for what its role may not do
   */
  async checkRights(): Promise<void> {
    // A producer that cancels what runs may not tell its worker; that one hears of it with its next heartbeat.
    const intended = 'producer: command publish (lua)';
    const all = await refusalsOf(this.scene.rq.redis);
    const refusals = all.filter((refusal) => refusal !== intended);
    if (refusals.length > 0) throw new Error(`Redis refused ${refusals.join('; ')}`);
  }

  /** Waits until everybody who is here has Redis again. */
  async isCalm(): Promise<void> {
    const endMs = performance.now() + 60_000;
    for (const { redis } of [this.scene.rq, this.near, this.far, this.operator]) {
      while (!(await redis.ping().catch(() => false))) {
        if (performance.now() > endMs) throw new Error('Redis did not answer for a minute');
        await delay(50);
      }
    }
  }

  async close(): Promise<void> {
    await this.snake?.stop();
    await this.scene.close();
    this.clock?.remove();
  }
}

/** Of clients, their subscriptions among them; not the one that asks for it. */
export const connectionsOf = async ({ rq }: Scene): Promise<number> =>
  Number(/connected_clients:(\d+)/.exec(await rq.redis.info('clients'))?.[1]);
