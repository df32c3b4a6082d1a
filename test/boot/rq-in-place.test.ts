import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { type Rq, rqInPlace } from '../../src/index.js';
import { freshRedis } from '../support/redis.js';

let database: Awaited<ReturnType<typeof freshRedis>>;
let rq: Rq;
const soon = { timeoutMs: 0 };

beforeAll(async () => {
  database = await freshRedis();
});
afterAll(() => database.close());
beforeEach(async () => {
  await database.client.flushdb();
  const handlers = new URL('../interop/fixtures/nodejobs.js', import.meta.url);
  rq = rqInPlace({ url: database.url, handlers });
});
afterEach(() => rq.close());

it('runs a job before its enqueue resolves, and writes what a worker writes', async () => {
  const job = await rq
    .queue('q')
    .enqueueWith({ onSuccess: 'nodejobs.noteSuccess' }, 'nodejobs.add', 2, 3);
  expect(await job.result(soon)).toBe(5);
  const record = await job.fetch();
  expect(record).toMatchObject({ status: 'finished', attempt: 1, meta: { success: 5 } });
  expect(await rq.queue('q').registries.finished.ids()).toEqual([job.id]);
  expect(await rq.workers()).toEqual([]);
});

it('runs many, their retries, and what waits for them', async () => {
  const [first, second] = await rq.queue('a').enqueueMany([
    { name: 'nodejobs.flaky', args: [2], options: { jobId: 'parent', retry: { max: 1 } } },
    { name: 'nodejobs.fail', args: ['no'] },
  ]);
  expect(await first?.result(soon)).toBe(2);
  await expect(second?.result(soon)).rejects.toThrow(/TypeError: no/);
  const child = await rq.queue('b').enqueueWith({ dependsOn: 'parent' }, 'nodejobs.add', 1);
  expect(await child.result(soon)).toBe(1);
});

it('runs what is enqueued at the same time one after the other', async () => {
  const jobs = await Promise.all([1, 2, 3].map((n) => rq.queue('q').enqueue('nodejobs.add', n)));
  expect(await Promise.all(jobs.map((job) => job.result(soon)))).toEqual([1, 2, 3]);
});

it('rejects for handlers that do not load', async () => {
  const broken = rqInPlace({
    url: database.url,
    handlers: new URL('../actors/fixtures/broken.js', import.meta.url),
  });
  await expect(broken.queue('q').enqueue('f')).rejects.toThrow(/The worker did not start/);
  await broken.close();
});
