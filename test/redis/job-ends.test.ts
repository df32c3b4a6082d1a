import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { openCommandConnection } from '../../src/redis/connection.js';
import { WrongKeyTypeError } from '../../src/redis/errors.js';
import { JobEnds, resultOf } from '../../src/redis/job-ends.js';
import { keys } from '../../src/redis/keys.js';
import { startPrivateRedis } from '../support/redis.js';

let server: Awaited<ReturnType<typeof startPrivateRedis>>;
let redis: Redis;

beforeAll(async () => {
  server = await startPrivateRedis();
  redis = openCommandConnection(server.url);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
beforeEach(() => redis.flushall());

const finish = (id: string, result: string) =>
  redis.hset(keys.job(id), { status: 'finished', data: 'any', result });

/** How many pieces Redis had to read of this connection. */
const reads = async (): Promise<number> => {
  const other = new Redis(server.url);
  try {
    const stats = await other.info('stats');
    return Number(/total_reads_processed:(\d+)/.exec(stats)?.[1]);
  } finally {
    other.disconnect();
  }
};

it('reads what is asked for in one turn in one round trip', async () => {
  const ids = Array.from({ length: 100 }, (_, at) => `job-${at}`);
  for (const id of ids) await finish(id, `"${id}"`);
  const ends = new JobEnds(redis);
  const before = await reads();
  expect(new Set(await Promise.all(ids.map((id) => ends.status(id))))).toEqual(
    new Set(['finished']),
  );
  const found = await Promise.all(ids.map(async (id) => resultOf(redis, id, await ends.end(id))));
  // The two questions for the number are connections of their own, with some pieces each.
  expect((await reads()) - before).toBeLessThan(20);
  expect(found).toEqual(ids.map((value) => ({ kind: 'returned', value })));
});

it('asks again for what is asked later', async () => {
  const ends = new JobEnds(redis);
  expect(await ends.end('late')).toMatchObject({ status: '', result: null });
  await finish('late', '1');
  expect(resultOf(redis, 'late', await ends.end('late'))).toEqual({ kind: 'returned', value: 1 });
});

it('rejects for the job whose key has a wrong type, and for no other', async () => {
  await finish('good', '1');
  await redis.set(keys.job('odd'), 'no hash');
  await finish('other', '2');
  await redis.set(keys.results('other'), 'no stream');
  const ends = new JobEnds(redis);
  const [good, odd, other] = await Promise.allSettled(
    ['good', 'odd', 'other'].map((id) => ends.end(id)),
  );
  expect(good).toMatchObject({ status: 'fulfilled', value: { status: 'finished' } });
  expect(odd).toMatchObject({ reason: expect.any(WrongKeyTypeError) });
  expect(String((odd as PromiseRejectedResult).reason)).toContain(keys.job('odd'));
  expect(String((other as PromiseRejectedResult).reason)).toContain(keys.results('other'));
});

it('does not mind what lies in place of the stream of a job that has not ended', async () => {
  await redis.hset(keys.job('a'), { status: 'started', data: 'any' });
  await redis.set(keys.results('a'), 'no stream');
  expect(await new JobEnds(redis).end('a')).toMatchObject({ status: 'started' });
});

it('knows no job without a payload, as RQ', async () => {
  await redis.hset(keys.job('a'), { status: 'finished', result: '1' });
  expect(await new JobEnds(redis).end('a')).toMatchObject({ status: '' });
});

it('rejects when the connection is gone', async () => {
  const gone = openCommandConnection(server.url);
  await gone.ping();
  gone.disconnect();
  await expect(new JobEnds(gone).end('any')).rejects.toThrow(/closed|connection/i);
});

it.each([
  ['finished', {}, { kind: 'returned', value: null }],
  ['finished', { result: '[1]' }, { kind: 'returned', value: [1] }],
  ['failed', { exc_info: 'Error: no' }, { kind: 'failed', traceback: 'Error: no' }],
  ['stopped', {}, { kind: 'failed', traceback: '' }],
  ['started', { result: '1' }, null],
])('tells what a job that is %s with %o ended in', async (status, fields, expected) => {
  await redis.hset(keys.job('a'), { status, data: 'any', ...fields });
  const end = await new JobEnds(redis).end('a');
  expect(end.status).toBe(status);
  expect(resultOf(redis, 'a', end)).toEqual(expected);
});
