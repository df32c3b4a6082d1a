import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import type { Redis } from 'ioredis';
import { Rq } from '../../src/streams/rq.js';
import { type FreshRedis, freshRedis } from './redis.js';

/** What a test of a file has: an empty database, and an `Rq` on it. */
export interface Fresh {
  client: Redis;
  url: string;
  rq: Rq;
}

/** Gives each test of a file its own, over one database that is emptied before each. */
export const freshRq = (take: (fresh: Fresh) => void): void => {
  let server: FreshRedis | undefined;
  let rq: Rq | undefined;
  beforeAll(async () => {
    server = await freshRedis();
  });
  beforeEach(async () => {
    const { client, url } = server as FreshRedis;
    await client.flushdb();
    rq = new Rq({ url });
    take({ client, url, rq });
  });
  afterEach(() => rq?.close());
  afterAll(() => server?.close());
};
