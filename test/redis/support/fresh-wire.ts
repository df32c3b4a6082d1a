import { afterAll, beforeAll, beforeEach } from '@jest/globals';
import type { WireSettings } from '../../../src/redis/transitions/queue-keys.js';
import { type FreshRedis, freshRedis } from '../../support/redis.js';
import { Wire } from './wire.js';

/** Gives the tests of a file one wire, to a database that is emptied before each. */
export const freshWire = (
  take: (wire: Wire, url: string) => void,
  settings: Partial<WireSettings> = {},
): void => {
  let server: FreshRedis | undefined;
  let wire: Wire | undefined;
  beforeAll(async () => {
    server = await freshRedis();
    wire = new Wire(server.url, settings);
    take(wire, server.url);
  });
  beforeEach(() => wire?.redis.flushdb());
  afterAll(async () => {
    wire?.close();
    await server?.close();
  });
};
