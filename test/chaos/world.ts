import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { JobSpec } from '../../src/streams/queue.js';
import { Scene } from '../faults/support/scene.js';
import type { Victim } from '../faults/support/victim.js';
import type { LossyProxy } from '../support/lossy-proxy.js';
import type { Dice } from './dice.js';
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

/** A job that Redis has acknowledged. */
export interface Acknowledged {
  id: string;
  queue: string;
}

/** What is to suffer: a Redis with a log, a network before it, a fleet of workers, and producers. */
export class World {
  readonly acknowledged: Acknowledged[] = [];
  readonly mixed: string[] = [];
  snake: Snake | null = null;
  /** Times that a producer was told that Redis cannot take its jobs now. */
  refusals = 0;
  workers: Victim[] = [];
  private isOver = false;
  private started = 0;
  private producing: Promise<unknown> = Promise.resolve();

  private constructor(
    readonly scene: Scene,
    readonly network: LossyProxy,
    /** Is never killed: shows what a long life leaves behind. */
    readonly witness: Victim,
  ) {}

  static async begin(size: number): Promise<World> {
    const scene = await Scene.open(wire, ['--appendonly', 'yes', '--appendfsync', 'everysec']);
    const network = await scene.network();
    const { url } = network;
    const options = {
      url,
      queues: [...queues, mixed],
      isolation: 'inline',
      concurrency: 4,
      name: 'witness',
    } as const;
    const witness = await scene.worker(options);
    const world = new World(scene, network, witness);
    for (let n = 0; n < size; n += 1) await world.hire();
    if (Snake.isThere) {
      world.snake = new Snake(scene.server.url, mixed);
      world.snake.start();
    }
    return world;
  }

  /** One more worker: in turns behind the network and beside it, with children and without. */
  async hire(): Promise<Victim> {
    const n = this.started++;
    const worker = this.scene.victim({
      ...(n % 2 === 0 && { url: this.network.url }),
      queues: [...queues, mixed],
      isolation: n % 3 === 2 ? 'inline' : 'pool',
      concurrency: 2,
      graceMs: 5_000,
      killGraceMs: 1_000,
    });
    this.workers.push(worker);
    return worker;
  }

  /** Takes a worker out of the fleet, and puts another one in its place. */
  async replace(worker: Victim): Promise<void> {
    this.workers = this.workers.filter((one) => one !== worker);
    await this.hire();
  }

  /** Enqueues at an even rate, until it is told to stop, whatever Redis says. */
  produce(jobsPerSecond: number, dice: Dice): void {
    const tickMs = 100;
    this.producing = (async () => {
      while (!this.isOver) {
        const queue = dice.pick(queues);
        const specs = Array.from({ length: Math.max(1, jobsPerSecond / (1_000 / tickMs)) }, () =>
          specOf(dice),
        );
        for (const id of await this.enqueue(queue, specs)) this.acknowledged.push({ id, queue });
        const ms = dice.between(0, 200);
        if (dice.roll() < 0.2)
          this.mixed.push(...(await this.enqueue(mixed, [{ name: 'handlers.sleep', args: [ms] }])));
        await delay(tickMs);
      }
    })();
    // Whoever waits for its end hears of what went wrong.
    this.producing.catch(() => undefined);
  }

  /** Ids of what was acknowledged. */
  private async enqueue(queue: string, specs: readonly JobSpec[]): Promise<string[]> {
    try {
      return (await this.scene.rq.queue(queue).enqueueMany(specs)).map(({ id }) => id);
    } catch (error) {
      // Over maxmemory nothing is written: the only refusal that is no mistake here.
      if ((error as Error).name !== 'RedisFullError') throw error;
      this.refusals += 1;
      return [];
    }
  }

  async stopProducing(): Promise<void> {
    this.isOver = true;
    await this.producing;
  }

  /** Processes that carry this world's ledger in their environment. */
  processes(): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .filter((pid) => readProc(pid, 'environ').includes(this.scene.ledgerPath))
      .map(Number);
  }
}

const specOf = (dice: Dice) => {
  const chance = dice.roll();
  const options = dice.roll() < 0.5 ? { retry: { max: 3 } } : {};
  if (chance < 0.75) return { name: 'handlers.note', options };
  if (chance < 0.9) return { name: 'handlers.sleep', args: [dice.between(50, 1_500)], options };
  if (chance < 0.97)
    return { name: 'handlers.note', options: { ...options, inMs: dice.between(200, 3_000) } };
  return { name: 'handlers.fail', options };
};

/** What /proc says of a process; nothing once it is gone. */
export const readProc = (pid: number | string, file: string): string => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
};

/** Children of a process that run jobs. */
export const childrenOf = (pid: number): number[] =>
  readProc(pid, `task/${pid}/children`).split(' ').filter(Boolean).map(Number);
