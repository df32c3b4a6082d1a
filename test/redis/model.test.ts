import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { keys } from '../../src/redis/keys.js';
import { unfoldEntry } from '../../src/redis/lifecycle-event.js';
import { cancel } from '../../src/redis/transitions/cancel.js';
import { deleteJob } from '../../src/redis/transitions/delete.js';
import { empty } from '../../src/redis/transitions/empty.js';
import { enqueue } from '../../src/redis/transitions/enqueue.js';
import { extend } from '../../src/redis/transitions/extend.js';
import { quarantine } from '../../src/redis/transitions/quarantine.js';
import { recover, recoverIntermediate } from '../../src/redis/transitions/recover.js';
import { requeue, requeueFrom } from '../../src/redis/transitions/requeue.js';
import { restore } from '../../src/redis/transitions/restore.js';
import type { ExchangeRequest } from '../../src/redis/transitions/settle-and-claim.js';
import type { ClaimedJob } from '../../src/redis/transitions/settlement.js';
import { type FreshRedis, freshRedis } from '../support/redis.js';
import { EventPath } from './support/event-path.js';
import { Model, type ModelEnd, type ModelRequest } from './support/model.js';
import { overdueIn } from './support/overdue.js';
import {
  back,
  createdAt,
  fail,
  finish,
  newJob,
  settlement,
  type TestWorker,
  Wire,
} from './support/wire.js';

let server: FreshRedis;
let wire: Wire;

beforeAll(async () => {
  server = await freshRedis();
  wire = new Wire(server.url, { eventLogLength: 100_000 });
});
afterAll(async () => {
  wire.close();
  await server.close();
});

const queue = 'default';
// `npm run model` walks longer: what its model does not know of a script shows only now and then.
const walkMs = Number(process.env.RXRQ_WALK_SECONDS ?? 15) * 1_000;
// Few, so that operations meet on the same job.
const ids = ['a', 'b', 'c'];

/** An operation; numbers pick, by their remainder, among what there is when its turn comes. */
type Operation =
  | { verb: 'enqueue'; job: number; kind: number; atFront: boolean; other: boolean }
  | {
      verb: 'exchange';
      who: number;
      toStart: number;
      toHold: number;
      ends: number[];
      begun: number;
      hints: boolean;
    }
  | { verb: 'repeat' | 'stale'; who: number; pick: number }
  | { verb: 'die' | 'extend'; who: number }
  | { verb: 'clean'; pick: number; toQueue: boolean }
  | {
      verb:
        | 'cancel'
        | 'delete'
        | 'quarantine'
        | 'requeue'
        | 'uncancel'
        | 'rerun'
        | 'restore'
        | 'unpark'
        | 'lose'
        | 'double';
      job: number;
    }
  | { verb: 'pop' | 'empty' | 'flush' };

const nat = fc.nat(1_000);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      verb: fc.constant('enqueue' as const),
      job: nat,
      kind: nat,
      atFront: fc.boolean(),
      other: fc.boolean(),
    }),
  },
  {
    weight: 14,
    arbitrary: fc.record({
      verb: fc.constant('exchange' as const),
      who: nat,
      toStart: fc.nat(2),
      toHold: fc.nat(2),
      ends: fc.array(nat, { maxLength: 2 }),
      begun: fc.nat(3),
      hints: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      verb: fc.constantFrom('repeat' as const, 'stale' as const),
      who: nat,
      pick: nat,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ verb: fc.constantFrom('die' as const, 'extend' as const), who: nat }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ verb: fc.constant('clean' as const), pick: nat, toQueue: fc.boolean() }),
  },
  {
    weight: 7,
    arbitrary: fc.record({
      verb: fc.constantFrom(
        'cancel' as const,
        'delete' as const,
        'quarantine' as const,
        'requeue' as const,
        'uncancel' as const,
        'rerun' as const,
        'restore' as const,
        'unpark' as const,
        'lose' as const,
        'double' as const,
      ),
      job: nat,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      verb: fc.constantFrom('pop' as const, 'pop' as const, 'empty' as const, 'flush' as const),
    }),
  },
);

const kinds = [
  { retries: null, delaySeconds: 0, resultTtl: null, failureTtl: null },
  { retries: null, delaySeconds: 0, resultTtl: null, failureTtl: null },
  { retries: null, delaySeconds: 0, resultTtl: null, failureTtl: null },
  { retries: 2, delaySeconds: 0, resultTtl: null, failureTtl: null },
  { retries: 1, delaySeconds: 60, resultTtl: null, failureTtl: null },
  { retries: null, delaySeconds: 0, resultTtl: 0, failureTtl: null },
  { retries: null, delaySeconds: 0, resultTtl: null, failureTtl: 0 },
];

const ends: ModelEnd[] = [
  { kind: 'finish' },
  { kind: 'finish' },
  { kind: 'fail', retryable: true },
  { kind: 'fail', retryable: false },
  { kind: 'back' },
  { kind: 'pass', limit: 0 },
];

/** One worker of the run: what it holds, what it asked, all with stale and repeated requests. */
interface Actor {
  worker: TestWorker;
  held: ClaimedJob[];
  begun: Set<string>;
  sent: Array<{ request: ExchangeRequest; model: ModelRequest }>;
}

class Run {
  readonly model = new Model();
  private readonly path = new EventPath();
  private readonly actors: Actor[];
  private lastEntry = '-';

  constructor() {
    this.actors = [this.newActor(), this.newActor()];
  }

  private newActor(): Actor {
    return { worker: wire.worker(queue), held: [], begun: new Set(), sent: [] };
  }

  async do(operation: Operation): Promise<void> {
    switch (operation.verb) {
      case 'enqueue':
        return this.enqueue(operation);
      case 'exchange':
        return this.exchange(this.actor(operation.who), operation);
      case 'repeat':
        await this.send(this.actor(operation.who), -1);
        return;
      case 'stale':
        await this.send(this.actor(operation.who), operation.pick);
        return;
      case 'die':
        return this.die(operation.who % this.actors.length);
      case 'extend':
        return this.extend(this.actor(operation.who));
      case 'clean':
        return this.clean(operation.pick, operation.toQueue);
      case 'pop': {
        const moved = await wire.redis.lmove(
          keys.queue(queue),
          keys.intermediate(queue),
          'LEFT',
          'RIGHT',
        );
        expect(moved).toBe(this.model.pop());
        return;
      }
      case 'empty':
        expect(await empty(wire.redis, queue, wire.settings)).toBe(this.model.empty());
        return;
      case 'flush':
        await wire.redis.script('FLUSH');
        return;
      default:
        return this.operate(operation.verb, ids[operation.job % ids.length] as string);
    }
  }

  private actor(who: number): Actor {
    return this.actors[who % this.actors.length] as Actor;
  }

  private async enqueue({
    job,
    kind,
    atFront,
    other,
  }: Extract<Operation, { verb: 'enqueue' }>): Promise<void> {
    const id = ids[job % ids.length] as string;
    const options = kinds[kind % kinds.length] as (typeof kinds)[number];
    const fields: Array<string | number> = [];
    if (options.retries !== null)
      fields.push('retries_left', options.retries, 'retry_intervals', `[${options.delaySeconds}]`);
    if (options.resultTtl !== null) fields.push('result_ttl', options.resultTtl);
    if (options.failureTtl !== null) fields.push('failure_ttl', options.failureTtl);
    const data = other ? 'other' : 'data';
    const jobs = [newJob(id, { atFront, fields, data: Buffer.from(data) })];
    expect(await enqueue(wire.redis, queue, createdAt, jobs, wire.settings)).toEqual([
      this.model.enqueue(id, { ...options, data }, atFront),
    ]);
  }

  private async exchange(
    actor: Actor,
    operation: Extract<Operation, { verb: 'exchange' }>,
  ): Promise<void> {
    const hints = operation.hints ? [...this.model.flying] : [];
    const isUnbegun = ({ started, execution }: ClaimedJob): boolean =>
      !started && !actor.begun.has(execution);
    const begun = actor.held.filter(isUnbegun).slice(0, operation.begun);
    for (const { execution } of begun) actor.begun.add(execution);
    const settling = operation.ends.flatMap((pick) => {
      const [job] = actor.held.splice(pick % Math.max(actor.held.length, 1), 1);
      return job
        ? [
            {
              job,
              end: ends[pick % ends.length] as ModelEnd,
              isBegunNow: isUnbegun(job) && pick % 2 === 0,
            },
          ]
        : [];
    });
    const request = actor.worker.request({
      hints: hints.map((id) => ({ queue, id: Buffer.from(id) })),
      begun: begun.map((job) => ({ job, beganAtMs: 0 })),
      settlements: settling.map(({ job, end, isBegunNow }) =>
        settlement(job, endOf(end), { beganAtMs: isBegunNow ? 0 : null }),
      ),
      toStart: operation.toStart,
      toHold: operation.toHold,
    });
    const model: ModelRequest = {
      requestId: request.requestId,
      hints,
      begun: begun.map(({ jobId: id, execution }) => ({ id, execution })),
      settlements: settling.map(({ job, end, isBegunNow }) => ({
        id: job.jobId,
        execution: job.execution,
        isHeld: !job.started,
        isBegunNow,
        end,
      })),
      toStart: operation.toStart,
      toHold: operation.toHold,
    };
    actor.sent.push({ request, model });
    const claimed = await this.send(actor, actor.sent.length - 1);
    actor.held.push(...(claimed ?? []));
  }

  // The newest for the first time, the newest again, or one that its caller has long gone on from.
  private async send(actor: Actor, which: number): Promise<ClaimedJob[] | undefined> {
    const sent = which < 0 ? actor.sent.at(-1) : actor.sent[which % Math.max(actor.sent.length, 1)];
    if (!sent) return undefined;
    const isAskedAgain = which < 0;
    const expected = this.model.exchange(actor.worker.name, sent.model, isAskedAgain);
    const sending = actor.worker.send(sent.request, 0, isAskedAgain);
    if (expected === null) {
      await expect(sending).rejects.toThrow('RXRQSTALE');
      return undefined;
    }
    const { verdicts, claimed } = await sending;
    expect(verdicts).toEqual(expected.verdicts);
    expect(
      claimed.map(({ jobId: id, execution, started, attempt }) => ({
        id,
        execution,
        started,
        attempt,
      })),
    ).toEqual(expected.claimed);
    return claimed;
  }

  private async die(at: number): Promise<void> {
    const { worker } = this.actors[at] as Actor;
    await wire.redis.zadd(keys.leases(queue), 1, worker.tag);
    const seen = await overdueIn(wire.redis, queue);
    const members = seen.map(({ member }) => {
      const [id = '', execution = ''] = String(member).split(':');
      return { id, execution };
    });
    const verdicts = await recover(wire.redis, queue, seen, wire.settings);
    expect(verdicts).toEqual(this.model.recover(members));
    await wire.redis.zrem(keys.leases(queue), worker.tag);
    // Others go on in its place; what it had sent may still arrive.
    this.actors[at] = this.newActor();
  }

  private async extend({ worker, held }: Actor): Promise<void> {
    const verdicts = await extend(
      wire.redis,
      worker,
      queue,
      held.map((job) => ({ job, sinceMs: 0 })),
      wire.settings,
    );
    expect(verdicts).toEqual(
      held.map(({ jobId, execution }) => {
        const job = this.model.jobs.get(jobId);
        if (!job) return 'deleted';
        if (job.status === 'canceled') return 'canceled';
        // A run goes by its lease, whatever else its job says than that it has ended.
        const hasEnded = job.status === 'finished' || job.status === 'failed';
        return !hasEnded && this.model.wip.get(execution) === jobId ? 'extended' : 'lost';
      }),
    );
    // So that the in-flight list is judged without them, as with jobs that live for moments.
    await wire.redis.del(...ids.map(keys.executions));
  }

  private async clean(pick: number, toQueue: boolean): Promise<void> {
    const held = [...this.model.wip];
    const [execution, id] = held[pick % Math.max(held.length, 1)] ?? ['', ''];
    if (!this.model.cleanLikePython(execution, toQueue)) return;
    const cleaning = wire.redis.multi().zrem(keys.wip(queue), `${id}:${execution}`);
    if (toQueue) cleaning.hset(keys.job(id), 'status', 'queued').rpush(keys.queue(queue), id);
    else cleaning.hset(keys.job(id), 'status', 'failed').zadd(keys.failed(queue), 9e9, id);
    await cleaning.exec();
    this.path.silently(id, toQueue ? 'queued' : 'failed');
  }

  private async operate(verb: string, id: string): Promise<void> {
    const { model } = this;
    if (verb === 'cancel')
      expect(await cancel(wire.redis, queue, id, wire.settings)).toBe(model.cancel(id));
    else if (verb === 'delete')
      expect(await deleteJob(wire.redis, queue, id, wire.settings)).toBe(model.remove(id));
    else if (verb === 'quarantine')
      expect(await quarantine(wire.redis, queue, id, 'x', 'x', wire.settings)).toBe(
        model.quarantine(id),
      );
    else if (verb === 'requeue')
      expect(await requeue(wire.redis, [id], false, wire.settings)).toEqual([model.requeue(id)]);
    else if (verb === 'uncancel' || verb === 'rerun') {
      const from = verb === 'rerun' ? 'finished' : 'canceled';
      expect(await requeueFrom(wire.redis, from, queue, id, false, wire.settings)).toBe(
        model.requeueFrom(from, id),
      );
    } else if (verb === 'restore')
      expect(await restore(wire.redis, queue, id, wire.settings)).toBe(model.restore(id));
    else if (verb === 'unpark') {
      const stay = { id: Buffer.from(id), enqueuedAt: '' };
      const isBack = await recoverIntermediate(wire.redis, queue, stay, wire.settings);
      expect(isBack).toBe(model.unpark(id));
      // As if the time had passed in which nobody brings it back once more.
      await wire.redis.del(keys.broughtBack(queue, id));
    } else if (verb === 'double' && model.jobs.has(id)) {
      // Somebody of RQ's world pushes the id once more.
      await wire.redis.rpush(keys.queue(queue), id);
      model.list.push(id);
    } else if (verb === 'lose' && model.jobs.delete(id)) {
      // Its time ran out, or somebody typed DEL; what held it stays.
      const losing = wire.redis.multi().del(keys.job(id));
      for (const registry of registries) losing.zrem(keys[registry](queue), id);
      await losing.exec();
      this.path.silently(id, null);
    }
  }

  /** Redis is as the model says, every id is where its status says, and the events tell the same. */
  async check(): Promise<void> {
    const { model } = this;
    const { list, flying, wip, failedQueue, entries, jobs } = await this.look();
    expect({ list, flying, failedQueue }).toEqual({
      list: model.list,
      flying: model.flying,
      failedQueue: model.failedQueue,
    });
    expect(wip.sort()).toEqual(
      [...model.wip].map(([execution, id]) => `${id}:${execution}`).sort(),
    );
    for (const [entryId, fields] of entries) {
      this.lastEntry = entryId;
      for (const event of unfoldEntry(queue, entryId, fields)) this.path.tell(event);
    }
    for (const { id, status, exec, attempt, places } of jobs) {
      const job = model.jobs.get(id);
      expect({ id, status, exec, attempt, places }).toEqual({
        id,
        status: job?.status ?? null,
        exec: job?.exec ?? null,
        attempt: job?.attempt ?? 0,
        places: job && (registries as readonly string[]).includes(job.status) ? [job.status] : [],
      });
      // With result_ttl 0 or failure_ttl 0 a job ends without a hash.
      const told = this.path.statusOf(id);
      if (!job && (told === 'finished' || told === 'failed')) this.path.silently(id, null);
      else expect({ id, told }).toEqual({ id, told: job?.status ?? null });
      const isSomewhere =
        list.includes(id) ||
        flying.includes(id) ||
        wip.some((member) => member.startsWith(`${id}:`));
      if (job?.status === 'queued' || job?.status === 'started') {
        expect({ id, isSomewhere }).toEqual({ id, isSomewhere: true });
      }
    }
  }

  private async look() {
    const pipeline = wire.redis
      .pipeline()
      .lrange(keys.queue(queue), 0, -1)
      .lrange(keys.intermediate(queue), 0, -1)
      .zrange(keys.wip(queue), '0', '-1')
      .lrange(keys.failedQueue, 0, -1)
      .xrange(keys.events(queue), this.lastEntry === '-' ? '-' : `(${this.lastEntry}`, '+');
    for (const id of ids) {
      pipeline.hmget(keys.job(id), 'status', 'x_exec', 'x_attempt');
      for (const registry of registries) pipeline.zscore(keys[registry](queue), id);
    }
    const replies = ((await pipeline.exec()) ?? []).map(([error, reply]) => {
      if (error) throw error;
      return reply;
    });
    const [list, flying, wip, failedQueue] = replies as [string[], string[], string[], string[]];
    const jobs = ids.map((id, at) => {
      const from = 5 + at * (registries.length + 1);
      const [status, exec, attempt] = replies[from] as Array<string | null>;
      const places = registries.filter((_, n) => replies[from + 1 + n] !== null);
      return { id, status, exec, attempt: Number(attempt ?? 0), places };
    });
    return {
      list,
      flying,
      wip,
      failedQueue,
      entries: replies[4] as Array<[string, string[]]>,
      jobs,
    };
  }
}

const registries = ['finished', 'failed', 'scheduled', 'canceled'] as const;

const endOf = (end: ModelEnd) =>
  end.kind === 'finish'
    ? finish()
    : end.kind === 'fail'
      ? fail('Error: x', end.retryable)
      : end.kind === 'back'
        ? back
        : ({ kind: 'pass', reason: 'no handler', limit: 0 } as const);

describe('the transitions', () => {
  it(
    'do what a simple model says, in any order, repeated, stale and beside others',
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(operation, { minLength: 30, maxLength: 120, size: 'max' }),
          async (operations) => {
            await wire.redis.flushdb();
            const run = new Run();
            for (const one of operations) {
              await run.do(one);
              await run.check();
            }
          },
        ),
        // As often as the time allows.
        { numRuns: 1_000_000, endOnFailure: false, interruptAfterTimeLimit: walkMs },
      );
    },
    walkMs + 120_000,
  );
});
