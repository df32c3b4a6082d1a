import type { Redis } from 'ioredis';
import { keys } from '../../src/redis/keys.js';
import { type EnqueueVerdict, enqueue } from '../../src/redis/transitions/enqueue.js';
import { extend, type LeaseVerdict } from '../../src/redis/transitions/extend.js';
import {
  type ExchangeReply,
  type ExchangeRequest,
  exchangeFor,
} from '../../src/redis/transitions/settle-and-claim.js';
import { registerBirth } from '../../src/redis/transitions/worker-life.js';
import { back, createdAt, fail, finish, newJob, settlement } from '../redis/support/wire.js';
import type { Lane } from './lane.js';
import type { Scope } from './scope.js';
import { type EndKind, type Exchange, queue, type Worker } from './world.js';

const ends = { finish: finish(), fail: fail(), back } satisfies Record<EndKind, unknown>;
/** Longer than any exploration takes. */
const ttlSeconds = 100_000;

/** What the model does in Redis: the real transitions, with the model's requests. */
export class Hand {
  readonly redis: Redis;
  private readonly exchanges = new Map<string, ReturnType<typeof exchangeFor>>();

  constructor(
    readonly lane: Lane,
    private readonly scope: Scope,
  ) {
    this.redis = lane.redis;
  }

  async enqueue(id: string): Promise<EnqueueVerdict | undefined> {
    const retries = this.scope.jobs.find((job) => job.id === id)?.retries ?? null;
    const fields = retries === null ? [] : ['retries_left', retries];
    const jobs = [newJob(id, { fields })];
    return (await enqueue(this.redis, queue, createdAt, jobs, this.lane.settings))[0];
  }

  send(exchange: Exchange, isAskedAgain = false): Promise<ExchangeReply> {
    const { worker } = exchange;
    let send = this.exchanges.get(worker);
    if (!send) {
      send = exchangeFor(this.redis, worker, [queue], this.lane.settings);
      this.exchanges.set(worker, send);
    }
    return send(0, requestOf(exchange), isAskedAgain);
  }

  /** A worker comes up: its record, and its lease. */
  async bear(worker: Worker): Promise<void> {
    const fields = { version: 'rxrq' };
    const record = { name: worker.name, queues: [queue], state: 'idle', fields } as const;
    await registerBirth(this.redis, record, ttlSeconds);
    await this.extend(worker);
  }

  extend({ name, tag, held }: Worker): Promise<LeaseVerdict[]> {
    const jobs = held.map(({ job }) => ({ job, sinceMs: 0 }));
    return extend(this.redis, { name, tag }, queue, jobs, this.lane.settings);
  }

  /** Time passes: the worker's lease is over. Scores that a janitor has seen are not used again. */
  async expire(tag: string, seen: readonly string[]): Promise<void> {
    const score = ['1', '2', '3'].find((one) => !seen.includes(one)) as string;
    await this.redis.zadd(keys.leases(queue), score, tag);
  }
}

const requestOf = ({
  requestId,
  settles,
  begins,
  hint,
  toStart,
  toHold,
}: Exchange): ExchangeRequest => {
  const settled = settles?.held;
  return {
    requestId,
    settlements: settles
      ? [
          settlement(settles.held.job, ends[settles.end], {
            beganAtMs: settled?.hasBegun && !settled.isBeginTold ? 0 : null,
            heartbeaten: settles.held.isBeaten,
          }),
        ]
      : [],
    begun: begins ? [{ job: begins.job, beganAtMs: 0 }] : [],
    hints: hint === null ? [] : [{ queue, id: Buffer.from(hint) }],
    toStart,
    toHold,
  };
};
