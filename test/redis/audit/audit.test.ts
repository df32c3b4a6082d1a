import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { RedisServer } from '../../../scripts/redis-server.mjs';
import { type AuditOptions, type AuditReport, audit } from '../../../src/redis/audit/audit.js';
import { type AuditCode, auditCodes } from '../../../src/redis/audit/finding.js';
import { keys } from '../../../src/redis/keys.js';
import { newJobOf } from '../../../src/redis/new-job.js';
import { sweepLimits } from '../../../src/redis/rate-limits.js';
import { limitStarts } from '../../../src/redis/start-limits.js';
import { cancel } from '../../../src/redis/transitions/cancel.js';
import { cronTick } from '../../../src/redis/transitions/cron-tick.js';
import { extend } from '../../../src/redis/transitions/extend.js';
import { registerBirth } from '../../../src/redis/transitions/worker-life.js';
import { longestHoldMs } from '../../support/longest-hold.js';
import { startPrivateRedis } from '../../support/redis.js';
import { createdAt, fail, finish, newJob, Wire } from '../support/wire.js';

let server: RedisServer;
let wire: Wire;

beforeAll(async () => {
  server = await startPrivateRedis();
  // No lease of a living worker ends while a slow machine is busy elsewhere.
  wire = new Wire(server.url, { narrowLeaseMs: 80_000, eventLogLength: 500 });
});
beforeEach(() => wire.redis.flushdb());
afterAll(async () => {
  wire.close();
  await server.stop();
});

const look = (options: AuditOptions = {}) =>
  audit(wire.redis, wire.settings, { intervalMs: 5, sweptWithinMs: 5, graceMs: 1_000, ...options });
const codes = async (options: AuditOptions = {}) =>
  (await look(options)).findings.map(({ code, jobId }) => `${code} ${jobId}`).sort();

/** A system with a job in every place, as its transitions leave it. */
const populate = async (): Promise<void> => {
  await limitStarts(wire.redis, 'default', { max: 1_000, perSeconds: 3_600 });
  await wire.enqueue('running', 'held', 'finished', 'failed', 'canceled');
  await wire.enqueue(newJob('ttl0', { fields: ['result_ttl', 0] }));
  await wire.enqueue(newJob('delayed', { fields: ['retries_left', 2, 'retry_intervals', '[60]'] }));
  await wire.enqueue(newJob('kept', { fields: ['result_ttl', -1] }), newJob('passed'));
  await wire.enqueuePython('python');
  const worker = wire.worker();
  await registerBirth(
    wire.redis,
    { name: worker.name, queues: ['default'], state: 'busy', fields: { version: 'rxrq' } },
    90,
  );
  const [running] = await worker.claim(1);
  await worker.hold(1);
  if (!running) throw new Error('nothing claimed');
  await extend(wire.redis, worker, 'default', [{ job: running, sinceMs: 0 }], wire.settings);
  for (const id of [
    'finished',
    'failed',
    'canceled',
    'ttl0',
    'delayed',
    'kept',
    'passed',
    'python',
  ]) {
    const job = await worker.claimOne();
    if (id === 'canceled') {
      await cancel(wire.redis, 'default', 'canceled', wire.settings);
      await worker.settle(job, finish());
    } else if (id === 'failed' || id === 'delayed') await worker.settle(job, fail());
    else if (id === 'passed')
      await worker.settle(job, { kind: 'pass', reason: 'no handler', limit: 3 });
    else await worker.settle(job, finish());
  }
  await wire.enqueue('waiting', newJob('mortal', { ttlSeconds: 10, fields: ['ttl', 10] }));
  await wire.enqueue(limited('slot'), limited('behind'), limited('last'));
  await wire.enqueue(newJobOf('tasks.add', [1, 2], { jobId: 'grouped', groupId: 'g' }));
  const tick = { queue: 'default', name: 'nightly', when: { intervalMs: 60_000 }, createdAt };
  await cronTick(wire.redis, { ...tick, job: newJob('ticked') }, wire.settings);
};

const limited = (jobId: string) =>
  newJobOf('tasks.add', [1, 2], { jobId, rateLimit: { key: 'k', concurrency: 1 } });

const raw = {
  job: (id: string, status: string, more: Record<string, string> = {}) =>
    wire.redis.hset(keys.job(id), {
      created_at: createdAt,
      enqueued_at: createdAt,
      data: 'x',
      origin: 'default',
      status,
      ...more,
    }),
  started: async (id: string, execution = 'e'.repeat(32), score = 9e9 / 5) => {
    await raw.job(id, 'started');
    await wire.redis.zadd(keys.wip('default'), score, `${id}:${execution}`);
  },
};
const inMinutes = async (minutes: number): Promise<number> =>
  (await wire.nowSeconds()) + minutes * 60;

interface Break {
  code: AuditCode;
  what: string;
  job: string | null;
  spoil(): Promise<unknown>;
  /** What it leaves for a human. */
  stays?: true;
}

const putElsewhere = async (id: string): Promise<void> => {
  await wire.redis.sadd(keys.queues, keys.queue('other'));
  await wire.redis.rpush(keys.queue('other'), id);
};

const breaks: Break[] = [
  { code: 'A1', what: 'a queued job in no list', job: 'a', spoil: () => raw.job('a', 'queued') },
  {
    code: 'A1',
    what: 'a job that a worker of RQ took with BLPOP before it died',
    job: 'waiting',
    spoil: () => wire.redis.lrem(keys.queue('default'), 0, 'waiting'),
  },
  {
    code: 'A2',
    what: 'a started job that nobody holds',
    job: 'a',
    spoil: () => raw.job('a', 'started'),
  },
  {
    code: 'A2',
    what: 'a running job whose lease RQ 1 dropped',
    job: 'running',
    spoil: () =>
      wire.redis
        .zremrangebylex(keys.wip('default'), '-', '+')
        .then(() => wire.redis.hdel(keys.job('held'), 'x_exec'))
        .then(() => wire.redis.rpush(keys.queue('default'), 'held')),
  },
  {
    code: 'A3',
    what: 'a lease that ran out',
    job: 'a',
    spoil: () => raw.started('a', 'e'.repeat(32), 5),
  },
  {
    code: 'A3',
    what: 'a worker whose lease ran out',
    job: 'a',
    spoil: async () => {
      await raw.started('a', 'f'.repeat(32), await inMinutes(1));
      await wire.redis.zadd(
        keys.leases('default'),
        (await wire.nowSeconds()) * 1_000 - 5_000,
        'f'.repeat(12),
      );
    },
  },
  {
    code: 'A4',
    what: 'a running job that waits too',
    job: 'running',
    spoil: () => wire.redis.rpush(keys.queue('default'), 'running'),
  },
  {
    code: 'A4',
    what: 'a held job that waits too',
    job: 'held',
    spoil: () => wire.redis.rpush(keys.queue('default'), 'held'),
  },
  {
    code: 'A4',
    what: 'an id twice in a list',
    job: 'waiting',
    spoil: () => wire.redis.rpush(keys.queue('default'), 'waiting'),
  },
  {
    code: 'A4',
    what: 'a waiting job that another queue has as well',
    job: 'waiting',
    spoil: () => putElsewhere('waiting'),
  },
  {
    code: 'A4',
    what: 'a running job that another queue has as well',
    job: 'running',
    spoil: () => putElsewhere('running'),
  },
  {
    code: 'A4',
    what: 'a finished job that another queue has',
    job: 'finished',
    spoil: () => putElsewhere('finished'),
  },
  {
    code: 'A4',
    what: 'a finished job that waits',
    job: 'finished',
    spoil: () => wire.redis.rpush(keys.queue('default'), 'finished'),
  },
  {
    code: 'A4',
    what: 'a finished job with a lease, which RQ 2 would fail',
    job: 'finished',
    spoil: async () =>
      wire.redis.zadd(keys.wip('default'), await inMinutes(1), `finished:${'e'.repeat(32)}`),
  },
  {
    code: 'A4',
    what: 'a job twice in the FailedQueue',
    job: 'failed',
    spoil: () => wire.redis.rpush(keys.failedQueue, 'failed'),
  },
  {
    code: 'A5',
    what: 'two living executions',
    job: 'running',
    spoil: async () =>
      wire.redis.zadd(keys.wip('default'), await inMinutes(1), `running:${'e'.repeat(32)}`),
    stays: true,
  },
  {
    code: 'A6',
    what: 'an id in a list without a hash',
    job: 'ghost',
    spoil: () => wire.redis.rpush(keys.queue('default'), 'ghost'),
  },
  {
    code: 'A6',
    what: 'a finished entry without a hash',
    job: 'ghost',
    spoil: async () => wire.redis.zadd(keys.finished('default'), await inMinutes(5), 'ghost'),
  },
  {
    code: 'A6',
    what: 'a lease without a hash',
    job: 'ghost',
    spoil: async () => wire.redis.zadd(keys.wip('default'), await inMinutes(1), 'ghost:x'),
  },
  {
    code: 'A7',
    what: 'a hash without data',
    job: 'a',
    spoil: () => wire.redis.hset(keys.job('a'), 'status', 'finished'),
  },
  {
    code: 'A7',
    what: 'what a heartbeat leaves of a deleted job',
    job: 'a',
    spoil: () => wire.redis.hset(keys.job('a'), 'last_heartbeat', createdAt),
  },
  {
    code: 'A7',
    what: 'a finished job that never expires',
    job: 'finished',
    spoil: () => wire.redis.persist(keys.job('finished')),
  },
  {
    code: 'A7',
    what: 'a job created long ago',
    job: 'a',
    spoil: () => raw.job('a', 'created', { created_at: '2020-01-01T00:00:00Z' }),
    stays: true,
  },
  {
    code: 'A8',
    what: 'a running job that expires',
    job: 'running',
    spoil: () => wire.redis.expire(keys.job('running'), 100),
  },
  {
    code: 'A8',
    what: 'a waiting job that expires for no reason',
    job: 'waiting',
    spoil: () => wire.redis.expire(keys.job('waiting'), 100),
  },
  {
    code: 'A9',
    what: 'a job key of another type',
    job: 'a',
    spoil: () => wire.redis.set(keys.job('a'), 'x'),
    stays: true,
  },
  {
    code: 'A9',
    what: 'a list of another type',
    job: null,
    spoil: () =>
      wire.redis
        .sadd(keys.queues, keys.queue('odd'))
        .then(() => wire.redis.set(keys.queue('odd'), 'x')),
    stays: true,
  },
  {
    code: 'A9',
    what: 'a status that is no word of RQ',
    job: 'a',
    spoil: () => raw.job('a', 'quarantined'),
    stays: true,
  },
  {
    code: 'A9',
    what: 'a time that RQ cannot read',
    job: 'waiting',
    spoil: () => wire.redis.hset(keys.job('waiting'), 'created_at', 'yesterday'),
  },
  {
    code: 'A9',
    what: 'a number that RQ cannot read',
    job: 'finished',
    spoil: () => wire.redis.hset(keys.job('finished'), 'timeout', '1.5'),
  },
  {
    code: 'A9',
    what: 'an id that RQ 2.8 refuses',
    job: 'a:b',
    spoil: () =>
      raw.job('a:b', 'queued').then(() => wire.redis.rpush(keys.queue('default'), 'a:b')),
    stays: true,
  },
  {
    code: 'A10',
    what: 'a job that stays in flight',
    job: 'waiting',
    spoil: () =>
      wire.redis
        .lrem(keys.queue('default'), 0, 'waiting')
        .then(() => wire.redis.rpush(keys.intermediate('default'), 'waiting')),
  },
  {
    code: 'A11',
    what: 'a waiting job in the finished registry',
    job: 'waiting',
    spoil: async () => wire.redis.zadd(keys.finished('default'), await inMinutes(1), 'waiting'),
  },
  {
    code: 'A11',
    what: 'a finished job in no registry',
    job: 'finished',
    spoil: () => wire.redis.zrem(keys.finished('default'), 'finished'),
  },
  {
    code: 'A11',
    what: 'a failed job in no registry',
    job: 'failed',
    spoil: () => wire.redis.zrem(keys.failed('default'), 'failed'),
  },
  {
    code: 'A11',
    what: 'a lease in milliseconds',
    job: 'a',
    spoil: () => raw.started('a', 'e'.repeat(32), Date.now()),
    stays: true,
  },
  {
    code: 'A11',
    what: 'a lease of -1',
    job: 'a',
    spoil: () => raw.started('a', 'e'.repeat(32), -1),
    stays: true,
  },
  {
    code: 'A12',
    what: 'a scheduled job that nobody moves',
    job: 'delayed',
    spoil: () => wire.redis.zadd(keys.scheduled('default'), 5, 'delayed'),
  },
  {
    code: 'A13',
    what: 'a deferred job whose dependency has finished',
    job: 'a',
    spoil: () =>
      raw
        .job('a', 'deferred')
        .then(() => wire.redis.zadd(keys.deferred('default'), 9e9, 'a'))
        .then(() => wire.redis.sadd(keys.dependencies('a'), 'finished', 'gone')),
  },
  {
    code: 'A13',
    what: 'a deferred job whose dependency failed, which it allows',
    job: 'a',
    spoil: () =>
      raw
        .job('a', 'deferred', { allow_dependency_failures: '1', dependency_ids: '["failed"]' })
        .then(() => wire.redis.zadd(keys.deferred('default'), 9e9, 'a')),
  },
  {
    code: 'A13',
    what: 'a deferred job whose dependency failed and is gone',
    job: 'a',
    spoil: () =>
      raw
        .job('a', 'deferred', { dependency_ids: '["finished", "gone"]', x_unmet: 'gone' })
        .then(() => wire.redis.zadd(keys.deferred('default'), 9e9, 'a')),
    stays: true,
  },
  {
    code: 'A13',
    what: 'a deferred job that waits for nobody knows what',
    job: 'a',
    spoil: () =>
      raw.job('a', 'deferred').then(() => wire.redis.zadd(keys.deferred('default'), 9e9, 'a')),
    stays: true,
  },
  {
    code: 'A14',
    what: 'an execution that holds nothing',
    job: 'a',
    spoil: () => wire.redis.hset(keys.execution('a', 'x'), 'id', 'x'),
  },
  {
    code: 'A14',
    what: 'executions of a job that nobody holds',
    job: 'a',
    spoil: () => wire.redis.zadd(keys.executions('a'), 9e9, 'x'),
  },
  {
    code: 'A15',
    what: 'a worker that never expires',
    job: null,
    spoil: () => wire.redis.hset(keys.worker('old'), 'birth', createdAt),
  },
  {
    code: 'A15',
    what: 'a listed worker that is gone',
    job: null,
    spoil: () => wire.redis.sadd(keys.workers, keys.worker('gone')),
  },
  {
    code: 'A15',
    what: 'a gone worker of a queue',
    job: null,
    spoil: () => wire.redis.sadd(keys.workersOf('default'), keys.worker('gone')),
  },
  {
    code: 'A16',
    what: 'a queue that is not listed',
    job: null,
    spoil: () => wire.redis.srem(keys.queues, keys.queue('default')),
  },
  {
    code: 'A16',
    what: 'the FailedQueue among the queues',
    job: null,
    spoil: () => wire.redis.sadd(keys.queues, keys.failedQueue),
  },
  {
    code: 'A17',
    what: 'a worker that counted too much',
    job: null,
    spoil: async () =>
      wire.redis.hincrby(
        String((await wire.redis.smembers(keys.workers))[0]),
        'successful_job_count',
        1,
      ),
    stays: true,
  },
  {
    code: 'A18',
    what: 'an execution that ended twice',
    job: 'finished',
    spoil: async () => {
      const event = (await wire.events()).find(
        ({ kind, jobId }) => kind === 'finished' && jobId === 'finished',
      );
      const execution = event?.kind === 'finished' ? event.execution : '';
      await wire.redis.xadd(
        keys.events('default'),
        '*',
        'worker',
        '',
        'finished',
        `finished ${execution} 5`,
      );
    },
    stays: true,
  },
  {
    code: 'A18',
    what: 'an end without a start',
    job: 'finished',
    spoil: () =>
      wire.redis.xadd(keys.events('default'), '*', 'finished', `finished ${'0'.repeat(32)} 5`),
    stays: true,
  },
  {
    code: 'A18',
    what: 'an attempt that did not grow',
    job: 'x',
    spoil: () =>
      wire.redis.xadd(
        keys.events('default'),
        '*',
        'started',
        `x ${'0'.repeat(32)} 3 x ${'1'.repeat(32)} 2`,
      ),
    stays: true,
  },
  {
    code: 'A19',
    what: 'an event log that grew too long',
    job: null,
    spoil: async () => {
      await wire.redis.xadd(keys.events('default'), '*', 'unknown', '1');
      for (let n = 0; n < 1_000; n++)
        await wire.redis.xadd(keys.events('default'), '*', 'unknown', '1');
    },
  },
  {
    code: 'A19',
    what: 'a stored reply that never expires',
    job: null,
    spoil: () => wire.redis.set(keys.reply('w', 0), 'x'),
  },
  {
    code: 'A19',
    what: 'a cleaning lock that never expires',
    job: null,
    spoil: () => wire.redis.set(keys.cleaning('default'), '1'),
  },
  {
    code: 'A20',
    what: 'a hold that is in no lease',
    job: 'running',
    spoil: () => wire.redis.hset(keys.job('running'), 'x_exec', 'e'.repeat(32)),
    stays: true,
  },
  {
    code: 'A20',
    what: 'an attempt that went backwards',
    job: 'a',
    spoil: async () => {
      await raw.started('a', 'e'.repeat(32), await inMinutes(1));
      await wire.redis.hset(keys.job('a'), 'x_attempt', '2');
      await wire.redis.xadd(keys.events('default'), '*', 'started', `a ${'e'.repeat(32)} 3`);
    },
    stays: true,
  },
  {
    code: 'A19',
    what: 'the lock of a scheduler that is gone, which never expires',
    job: null,
    spoil: () => wire.redis.set(keys.schedulerLock('default'), 'gone'),
  },
  {
    code: 'A19',
    what: 'a name that is none of ours',
    job: null,
    spoil: () => wire.redis.set('rxrq:helper:x', '1', 'EX', 60),
    stays: true,
  },
  {
    code: 'A19',
    what: 'a history of cron that never expires',
    job: null,
    spoil: () => wire.redis.persist(keys.cronHistory('nightly')),
  },
  {
    code: 'A21',
    what: 'a slot of a job that is gone',
    job: 'ghost',
    spoil: () => wire.redis.zadd(keys.allowed('k'), 1, 'ghost'),
  },
  {
    code: 'A21',
    what: 'a slot of a job that has ended',
    job: 'finished',
    spoil: async () => {
      await wire.redis.zadd(keys.allowed('k'), 1, 'finished');
      await wire.redis.hset(keys.job('finished'), 'rate_limit_key', 'k');
    },
  },
  {
    code: 'A21',
    what: 'a slot of a job of another limit',
    job: 'waiting',
    spoil: () => wire.redis.zadd(keys.allowed('k'), 1, 'waiting'),
  },
  {
    code: 'A21',
    what: 'a job that is gone among those that wait for a slot',
    job: 'ghost',
    spoil: () => wire.redis.zadd(keys.rateLimited('k'), 1, 'ghost'),
  },
  {
    code: 'A21',
    what: 'a job that waits for a slot, and that nobody knows of',
    job: 'behind',
    spoil: () => wire.redis.zrem(keys.rateLimited('k'), 'behind'),
  },
  {
    code: 'A21',
    what: 'a job that waits for a slot and does not say of what',
    job: 'a',
    spoil: () => raw.job('a', 'rate_limited'),
    stays: true,
  },
  {
    code: 'A21',
    what: 'a free slot, and jobs that wait for it',
    job: null,
    spoil: () => wire.redis.hset(keys.rateLimit('k'), 'concurrency', 2),
  },
  {
    code: 'A21',
    what: 'a limit that no sweep knows',
    job: null,
    spoil: () => wire.redis.srem(keys.rateLimits, 'k'),
  },
  {
    code: 'A21',
    what: 'a limit without jobs',
    job: null,
    spoil: () => wire.redis.sadd(keys.rateLimits, 'unused'),
  },
  {
    code: 'A22',
    what: 'a group that is not listed',
    job: null,
    spoil: () => wire.redis.srem(keys.groups, 'g'),
  },
  {
    code: 'A22',
    what: 'a job whose group is not there',
    job: 'grouped',
    spoil: () => wire.redis.del(keys.group('g')).then(() => wire.redis.srem(keys.groups, 'g')),
  },
  {
    code: 'A23',
    what: 'dependents that nobody goes on to free',
    job: null,
    spoil: () => wire.redis.hset(keys.unfreed, 'finished', 'finished 0'),
  },
  {
    code: 'A23',
    what: 'starts that were counted and not written down',
    job: null,
    spoil: () => wire.redis.hincrby(keys.startLimit('default'), 'used', 7),
  },
  {
    code: 'A23',
    what: 'a limit of starts that says nothing',
    job: null,
    spoil: () => wire.redis.hset(keys.startLimit('default'), 'max', 'many'),
    stays: true,
  },
  {
    code: 'A23',
    what: 'a mark of cron that cannot be read',
    job: null,
    spoil: () => wire.redis.hset(keys.cron('default'), 'hourly', 'soon'),
  },
  {
    code: 'A23',
    what: 'a mark of cron from the future',
    job: null,
    spoil: async () =>
      wire.redis.hset(keys.cron('default'), 'hourly', `${(await inMinutes(120)) * 1_000} x`),
  },
];

describe('audit', () => {
  it('finds nothing in a system that only its transitions touched', async () => {
    await populate();
    const report = await look();
    expect(report.findings).toEqual([]);
    expect(report).toMatchObject({ jobs: 16, queues: 1 });
    expect(report.events).toBe((await wire.events()).length);
  });

  it.each(breaks.map((one) => [one.code, one.what, one] as const))(
    '%s: %s',
    async (code, _, { job, spoil, stays }) => {
      await populate();
      await spoil();
      const before = await wire.snapshot();
      const [finding, ...others] = (await look()).findings;
      expect(others).toEqual([]);
      expect(finding).toMatchObject({ code, jobId: job, mended: null });
      expect(finding?.remedy === null).toBe(stays === true);
      expect(await wire.snapshot()).toEqual(before);
      const repaired = await look({ repair: true });
      expect(repaired.findings).toMatchObject([{ code, mended: stays ? null : true }]);
      if (stays) expect(await wire.snapshot()).toEqual(before);
      else expect((await look()).findings).toEqual([]);
    },
  );

  it('gives the results of a failure the lifetime that it gives the job', async () => {
    await populate();
    await wire.redis.persist(keys.job('finished'));
    await wire.redis.xadd(keys.results('finished'), '*', 'type', '2');
    await look({ repair: true });
    const [job, results] = await Promise.all(
      [keys.job('finished'), keys.results('finished')].map((key) => wire.redis.ttl(key)),
    );
    expect(job).toBeGreaterThan(0);
    expect(results).toBe(job);
  });

  it('has a test for every code', () => {
    expect([...new Set(breaks.map(({ code }) => code))].sort()).toEqual(
      Object.keys(auditCodes).sort(),
    );
  });

  it('believes no single look', async () => {
    await raw.job('a', 'queued');
    const looking = look({ intervalMs: 300 });
    await wire.redis.rpush(keys.queue('default'), 'a');
    await wire.redis.sadd(keys.queues, keys.queue('default'));
    expect((await looking).findings).toEqual([]);
  });

  it('leaves to living workers what they see to by themselves', async () => {
    await populate();
    await wire.redis.zadd(keys.allowed('k'), 1, 'ghost');
    const looking = look({ sweptWithinMs: 300 });
    await sweepLimits(wire.redis, wire.settings);
    expect((await looking).findings).toEqual([]);
  });

  it('tells only of the queues that it is asked about', async () => {
    await raw.job('a', 'queued');
    await raw.job('b', 'queued', { origin: 'other' });
    await wire.redis.set(keys.cleaning('default'), '1');
    expect(await codes({ queues: ['other'] })).toEqual(['A1 b']);
  });

  it('reads names that are no ASCII, and mends what is there', async () => {
    await raw.job('a', 'queued', { origin: 'größe' });
    const [finding] = (await look({ repair: true })).findings;
    expect(finding).toMatchObject({ code: 'A1', queue: 'größe', mended: true });
    expect(await wire.redis.lrange(keys.queue('größe'), 0, -1)).toEqual(['a']);
    await wire.redis.rpush(keys.queue('default'), Buffer.from('fffe00', 'hex'));
    await wire.redis.sadd(keys.queues, keys.queue('default'));
    expect((await look({ repair: true })).findings).toMatchObject([
      { code: 'A6', jobId: '\\xff\\xfe\\x00', mended: true },
    ]);
    expect((await look()).findings).toEqual([]);
  });

  it('takes no place from a job of which RQ’s `save()` wrote back what it was', async () => {
    await wire.enqueue('runs', 'waits', 'plain');
    const worker = wire.worker();
    const runs = await worker.claimOne();
    await extend(wire.redis, worker, 'default', [{ job: runs, sinceMs: 0 }], wire.settings);
    await wire.redis.hset(keys.job('runs'), 'status', 'queued');
    await wire.redis.hset(keys.job('waits'), 'status', 'deferred');
    await raw.job('planned', 'queued');
    await wire.redis.zadd(keys.scheduled('default'), 9e9, 'planned');
    for (const [id, status, registry] of [
      ['done', 'queued', 'finished'],
      ['over', 'started', 'failed'],
    ] as const) {
      await raw.job(id, status);
      await wire.redis.zadd(keys[registry]('default'), 9e9, id);
    }
    await raw.job('canceled', 'queued');
    await wire.redis.zadd(keys.canceled('default'), await wire.nowSeconds(), 'canceled');
    const before = await wire.snapshot('rq:*');
    expect(await codes({ repair: true })).toEqual([]);
    expect(await wire.snapshot('rq:*')).toEqual(before);
    // RQ's `enqueue_job` leaves that entry, and may have lost the id.
    await wire.redis.hset(keys.job('canceled'), 'enqueued_at', '2999-01-01T00:00:00.000000Z');
    expect(await codes({ repair: true })).toContain('A1 canceled');
    await wire.redis.lrem(keys.queue('default'), 1, 'canceled');
    await wire.redis.del(keys.job('canceled'));
    // Its worker dies.
    await wire.redis.zadd(keys.leases('default'), 1, worker.tag);
    expect(await codes({ repair: true })).toEqual(['A3 runs']);
    expect(await wire.ids()).toEqual(['runs', 'waits', 'plain']);
  });

  it('mends nothing that changed since the second look', async () => {
    await wire.enqueue('a');
    const worker = wire.worker();
    await raw.job('b', 'queued');
    await wire.redis.rpush(keys.queue('default'), 'b', 'b');
    const job = await worker.claimOne();
    await Promise.all([look({ repair: true }), look({ repair: true }), look({ repair: true })]);
    expect(await wire.ids()).toEqual(['b']);
    expect(await worker.settle(job, finish())).toBe('finished');
  });

  it('counts a mended start as a recovery, and ends there when that happened often enough', async () => {
    await raw.job('a', 'started', { x_recoveries: '0' });
    await wire.redis.sadd(keys.queues, keys.queue('default'));
    expect(await codes({ repair: true })).toEqual(['A2 a']);
    expect(await wire.hash('a')).toMatchObject({ status: 'queued', x_recoveries: '1' });
    await wire.redis.del(keys.queue('default'));
    await wire.redis.hset(keys.job('a'), 'status', 'started');
    await codes({ repair: true });
    expect(await wire.status('a')).toBe('failed');
    expect(await wire.story('a')).toBe('recovered quarantined');
  });
});

describe('audit of much', () => {
  it('looks at 50,000 jobs without holding Redis up', async () => {
    for (let n = 0; n < 50; n++) {
      await wire.enqueue(...Array.from({ length: 1_000 }, (_, i) => `job-${n}-${i}`));
    }
    await wire.redis.lrem(keys.queue('default'), 1, 'job-25-500');
    let report: AuditReport | null = null;
    const longestMs = await longestHoldMs(server, async () => {
      report = await look();
    });
    expect(report).toMatchObject({
      findings: [{ code: 'A1', jobId: 'job-25-500' }],
      jobs: 50_000,
    });
    // A look at all at once takes far longer.
    expect(longestMs).toBeLessThan(50);
  }, 60_000);

  it('raises no false alarm while workers drain 20,000 jobs', async () => {
    const total = 20_000;
    for (let n = 0; n < total / 1_000; n++) {
      await wire.enqueue(
        ...Array.from({ length: 1_000 }, (_, i) =>
          i % 250 === 3
            ? limited(`job-${n}-${i}`)
            : newJob(`job-${n}-${i}`, { fields: i % 10 === 0 ? ['retries_left', 1] : [] }),
        ),
      );
    }
    let done = 0;
    let audits = 0;
    let enoughAudits: () => void = () => undefined;
    const audited = new Promise<void>((resolve) => {
      enoughAudits = resolve;
    });
    const drain = async (): Promise<void> => {
      const worker = wire.worker();
      const beat = () => extend(wire.redis, worker, 'default', [], wire.settings);
      await beat();
      const beating = setInterval(beat, wire.settings.narrowLeaseMs / 4);
      let held: Awaited<ReturnType<typeof worker.claim>> = [];
      for (let settlements: never[] = []; ; ) {
        const reply = await worker.send(worker.request({ settlements, toStart: 15, toHold: 10 }));
        done += settlements.length;
        // The last jobs are kept until some audits have seen the others run, however slow the machine is.
        if (done > total * 0.8) await audited;
        held = reply.claimed;
        if (held.length === 0) return clearInterval(beating);
        settlements = held.map((job, n) => ({
          job,
          beganAtMs: job.started ? null : performance.now(),
          tookMs: 1,
          heartbeaten: false,
          end: n % 7 === 0 ? fail() : finish(),
        })) as never[];
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    let isDrained = false;
    const draining = Promise.all([drain(), drain(), drain()]).then(() => {
      isDrained = true;
    });
    while (!isDrained) {
      expect((await look({ intervalMs: 20 })).findings).toEqual([]);
      audits += 1;
      if (audits > 2) enoughAudits();
    }
    await draining;
    expect(audits).toBeGreaterThan(2);
    expect(done).toBeGreaterThanOrEqual(total);
    expect((await look()).findings).toEqual([]);
  }, 240_000);
});
