import type { Redis } from 'ioredis';
import { keys } from '../../src/redis/keys.js';

/**
 * One of everything that is listed, twice: what is named `sound`, and beside it what is named `odd`, of which a key is
 * spoilt.
 */
export const putTwoOfEach = async (redis: Redis): Promise<void> => {
  const [nowSeconds] = (await redis.time()).map(Number) as [number, number];
  for (const name of ['sound', 'odd']) {
    await redis.sadd(keys.queues, keys.queue(name));
    const job = { data: '["tasks.add", null, [1, 2], {}]', origin: name, description: name };
    const put = (id: string, more: object) => redis.hset(keys.job(id), { ...job, ...more });
    const failed = { status: 'failed', exc_info: `Error: of ${name}` };
    await put(`failed-${name}`, failed);
    await redis.zadd(keys.failed(name), nowSeconds + 9_999, `failed-${name}`);
    await redis.rpush(keys.failedQueue, `failed-${name}`);
    await put(`queued-${name}`, { status: 'queued', rate_limit_key: name });
    await redis.rpush(keys.queue(name), `queued-${name}`);
    await put(`scheduled-${name}`, { status: 'scheduled' });
    await redis.zadd(keys.scheduled(name), nowSeconds + 9_999, `scheduled-${name}`);
    await redis.set(keys.schedulerLock(name), name, 'EX', 99);
    await redis.hset(keys.scheduler(name), { hostname: 'h', pid: 1 });
    await redis.hset(keys.startLimit(name), { max: 1, perMs: 1_000 });
    await redis.sadd(keys.rateLimits, name);
    await redis.hset(keys.rateLimit(name), { concurrency: 1 });
    await redis.zadd(keys.allowed(name), nowSeconds, `queued-${name}`);
    await redis.sadd(keys.workers, keys.worker(name));
    await redis.sadd(keys.workersOf(name), keys.worker(name));
    await redis.hset(keys.worker(name), { queues: name, state: 'idle', version: '2.12.0' });
    await redis.expire(keys.worker(name), 400);
    await redis.zadd(keys.cronSchedulers, nowSeconds, name);
    await redis.hset(keys.cronScheduler(name), { hostname: 'h', cron_jobs: '[]' });
  }
};

/** Of what is named `odd`: each kind of key that somebody may have written something else under. */
export const oddKeys: readonly string[] = [
  keys.worker('odd'),
  keys.workersOf('odd'),
  keys.job('failed-odd'),
  keys.job('queued-odd'),
  keys.job('scheduled-odd'),
  keys.results('failed-odd'),
  keys.executions('failed-odd'),
  keys.dependents('failed-odd'),
  keys.queue('odd'),
  keys.intermediate('odd'),
  keys.wip('odd'),
  keys.finished('odd'),
  keys.failed('odd'),
  keys.scheduled('odd'),
  keys.deferred('odd'),
  keys.canceled('odd'),
  keys.events('odd'),
  keys.leases('odd'),
  keys.startLimit('odd'),
  keys.starts('odd'),
  keys.schedulerLock('odd'),
  keys.scheduler('odd'),
  keys.rateLimit('odd'),
  keys.allowed('odd'),
  keys.rateLimited('odd'),
  keys.cronScheduler('odd'),
  keys.failedQueue,
  keys.rateLimits,
  keys.workers,
  keys.queues,
  keys.cronSchedulers,
];

/** Puts something under a key that nobody reads there. */
export const spoil = async (redis: Redis, key: string): Promise<void> => {
  await redis.del(key);
  if (key === keys.schedulerLock('odd')) await redis.rpush(key, 'x');
  else await redis.set(key, 'x');
};
