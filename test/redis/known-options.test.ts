import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { InvalidOptionError } from '../../src/redis/errors.js';
import { fieldsOf, type JobOptions } from '../../src/redis/job-options.js';
import { Rq } from '../../src/streams/rq.js';
import { type FreshRedis, freshRedis } from '../support/redis.js';

let server: FreshRedis;
let rq: Rq;
beforeAll(async () => {
  server = await freshRedis();
  rq = new Rq({ url: server.url });
});
afterAll(async () => {
  await rq.close();
  await server.close();
});

const backoff = { kind: 'exponential', delay: 1 };

it.each([
  [{ timeOut: 5 }, 'timeOut: it is none of jobId, onDuplicate, unique, at, in'],
  [{ retry: { max: 1, interval: 60 } }, 'retry.interval: it is none of max, intervals'],
  [{ retry: { max: 1, backoff: { ...backoff, jiter: 1 } } }, 'retry.backoff.jiter: it is none of'],
  [{ repeat: { times: 1, interval: 60 } }, 'repeat.interval: it is none of times, intervals'],
  [{ onFailure: { call: 'a.b', limit: 5 } }, 'onFailure.limit: it is none of call, timeout'],
  [{ webhooks: [{ url: 'http://a', on: 'failed', status: 1 }] }, 'webhooks.status: it is none of'],
  [{ rateLimit: { key: 'k', concurrency: 1, max: 2 } }, 'rateLimit.max: it is none of key'],
  [{ dependsOn: { jobs: 'a', onFailure: 1 } }, 'dependsOn.onFailure: it is none of jobs'],
])('a slip of the pen in %j is refused', (options, message) => {
  const make = () => fieldsOf(options as JobOptions);
  expect(make).toThrow(InvalidOptionError);
  expect(make).toThrow(`Invalid option ${message}`);
});

it('options that are inherited are options too', () => {
  const shared = { timeout: 5, ttl: '1m' } as const;
  expect(fieldsOf(Object.create(shared) as JobOptions)).toEqual(fieldsOf(shared));
  expect(() => fieldsOf(Object.create({ timeOut: 5 }) as JobOptions)).toThrow('timeOut');
});

it('also where nothing is enqueued', async () => {
  const queue = rq.queue('q');
  expect(() => queue.deliveries$({ concurency: 2 } as never)).toThrow('concurency: it is none of');
  await expect(queue.pause({ ms: 5 } as never)).rejects.toThrow('ms: it is none of seconds');
  await expect(rq.suspend({ for: 5 } as never)).rejects.toThrow('for: it is none of seconds');
  await expect(queue.limit({ max: 1, perMs: 5 } as never)).rejects.toThrow('perMs: it is none of');
  expect(await server.client.dbsize()).toBe(0);
});
