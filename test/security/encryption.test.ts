import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { firstValueFrom } from 'rxjs';
import {
  bootWorker,
  type EncryptionOptions,
  Rq,
  type RunningWorker,
  rqInPlace,
  type WorkerOptions,
} from '../../src/index.js';
import { Cipher } from '../../src/redis/cipher.js';
import { keys } from '../../src/redis/keys.js';
import { UndecodablePayloadError } from '../../src/redis/payload/index.js';
import { type FreshRedis, freshRedis } from '../support/redis.js';
import { until } from '../support/until.js';
import { memoryHolds } from './support/memory-holds.js';

const handlers = fileURLToPath(new URL('./fixtures/handlers.js', import.meta.url));
const k1 = randomBytes(32);
const k2 = randomBytes(32);
const encryption: EncryptionOptions = { keys: { k1 }, current: 'k1' };
const soon = { timeoutMs: 10_000 };
const isolations = ['pool', 'fork-per-job', 'inline'] as const;

let redis: FreshRedis;
let rq: Rq;
const workers: RunningWorker[] = [];

beforeAll(async () => {
  redis = await freshRedis();
});
beforeEach(async () => {
  await redis.client.flushdb();
  rq = new Rq({ url: redis.url, encryption });
});
afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.stop({ graceMs: 0 });
  await rq.close();
});
afterAll(() => redis.close());

const boot = async (options: Partial<WorkerOptions> = {}, on = {}): Promise<void> => {
  const rest = { isolation: 'inline' as const, encryption, handleSignals: false };
  workers.push(await bootWorker({ url: redis.url, handlers, on, ...rest, ...options }));
};

/** All bytes that lie in Redis, of every type. */
const everything = async (): Promise<string> => {
  const texts: string[] = [];
  for (const key of await redis.client.keys('*')) {
    const type = await redis.client.type(key);
    const read: Record<string, unknown[]> = {
      hash: ['HGETALL', key],
      list: ['LRANGE', key, 0, -1],
      set: ['SMEMBERS', key],
      zset: ['ZRANGE', key, 0, -1],
      stream: ['XRANGE', key, '-', '+'],
      string: ['GET', key],
    };
    const [name, ...args] = read[type] as [string, ...string[]];
    texts.push(key, JSON.stringify(await redis.client.call(name, ...args)));
  }
  return texts.join('\n');
};

describe('encryption', () => {
  it('refuses an option that it does not know: a slip would leave plain jobs allowed', () => {
    const slip = { ...encryption, requred: true } as EncryptionOptions;
    expect(() => new Rq({ url: redis.url, encryption: slip })).toThrow(
      'Invalid option encryption.requred: it is none of keys, current, required',
    );
  });

  it.each(isolations)(
    'S14: leaves nothing readable of arguments, meta and result, %s',
    async (isolation) => {
      await boot({ isolation });
      const options = { meta: { secret: 'S3cr3t meta' }, kwargs: { more: 'S3cr3t kwarg' } };
      const job = await rq.queue().enqueueWith(options, 'handlers.echo', { password: 'S3cr3t' });
      const meta = await rq.queue().enqueueWith({ meta: { secret: 'S3cr3t' } }, 'handlers.forget');
      expect(await job.result(soon)).toEqual({ password: 'S3cr3t' });
      expect(await meta.result(soon)).toEqual({ secret: 'new meta secret' });
      const record = await job.fetch();
      expect(record.problems).toEqual([]);
      expect(record).toMatchObject({
        call: { functionName: 'handlers.echo', args: [{ password: 'S3cr3t' }] },
        description: 'handlers.echo',
        meta: { secret: 'S3cr3t meta' },
        result: { password: 'S3cr3t' },
      });
      expect((await meta.fetch()).meta).toEqual({ secret: 'new meta secret' });
      await meta.saveMeta({ mine: 'S3cr3t' });
      expect((await meta.fetch()).meta).toEqual({ mine: 'S3cr3t' });
      expect(await everything()).not.toMatch(/S3cr3t|meta secret/);
    },
    20_000,
  );

  it('S14: keeps tracebacks and their reasons to those with a key, callbacks among them', async () => {
    const printed: string[] = [];
    await boot(
      { isolation: 'pool' },
      { onOutput: (_: unknown, __: unknown, text: string) => void printed.push(text) },
    );
    const options = { onFailure: 'handlers.onFailure', retry: { max: 1 } };
    const job = await rq.queue().enqueueWith(options, 'handlers.fail', 'S3cr3t');
    await expect(job.result(soon)).rejects.toThrow('S3cr3t');
    expect((await job.fetch()).excInfo).toContain('RangeError: no S3cr3t\n');
    expect((await job.latestResult())?.traceback).toContain('RangeError: no S3cr3t');
    await until('it was called', () =>
      printed.join('').includes('failed with RangeError|no S3cr3t'),
    );
    expect(await everything()).not.toContain('S3cr3t');
  });

  it('S14: binds each part to its job and its field', async () => {
    const queue = rq.queue('later');
    const [a, b] = await queue.enqueueMany([
      { name: 'handlers.echo', args: ['a'], options: { meta: { of: 'a' } } },
      { name: 'handlers.echo', args: ['b'], options: { meta: { of: 'b' } } },
    ]);
    const [from, to] = [keys.job(a?.id as string), keys.job(b?.id as string)];
    const stolen = (await redis.client.hgetBuffer(from, 'data')) as Buffer;
    await redis.client.hset(to, 'data', stolen);
    await boot({ queues: ['later'] });
    expect(await a?.result(soon)).toBe('a');
    await expect(b?.result(soon)).rejects.toThrow('belongs to another job or field');
    // Within one job, too.
    const cipher = new Cipher(encryption);
    const sealed = cipher.seal(Buffer.from('{}'), 'j', 'meta');
    expect(cipher.open(sealed, 'j', 'meta').toString()).toBe('{}');
    expect(() => cipher.open(sealed, 'j', 'result')).toThrow(UndecodablePayloadError);
    for (let at = 2; at < sealed.length; at++) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] as number) ^ 1;
      expect(() => cipher.open(changed, 'j', 'meta')).toThrow(UndecodablePayloadError);
      expect(() => cipher.open(sealed.subarray(0, at), 'j', 'meta')).toThrow(
        UndecodablePayloadError,
      );
    }
  });

  it('S14: goes on with a new key while the old one is still there', async () => {
    const old = await rq.queue().enqueue('handlers.echo', 'old');
    const both: EncryptionOptions = { keys: { k1, k2 }, current: 'k2' };
    const newer = new Rq({ url: redis.url, encryption: both });
    const job = await newer.queue().enqueue('handlers.echo', 'new');
    await boot({ encryption: both });
    expect(await newer.fetch(old.id).then(({ job }) => job.result(soon))).toBe('old');
    expect(await job.result(soon)).toBe('new');
    // Who has only the old key is told which one is missing.
    expect((await rq.fetch(job.id)).record.problems[0]).toContain('needs the key "k2"');
    await newer.close();
  });

  it.each(isolations)(
    'S14: is told where keys are missing, and the job put aside, %s',
    async (isolation) => {
      const plain = new Rq({ url: redis.url });
      workers.push(await bootWorker({ url: redis.url, handlers, isolation, handleSignals: false }));
      const job = await rq.queue().enqueue('handlers.echo', 'x');
      await expect(job.result(soon)).rejects.toThrow('undecodable encryption: no keys are here');
      expect((await plain.fetch(job.id)).record.call).toBeNull();
      expect(await rq.failedQueue.ids()).toEqual([job.id]);
      await plain.close();
    },
    20_000,
  );

  it('S14: takes plain jobs too, unless it must not', async () => {
    const plain = new Rq({ url: redis.url });
    await boot();
    const job = await plain.queue().enqueue('handlers.echo', 1);
    await until('it has run', async () => (await job.fetch()).status === 'finished');
    await workers.splice(0)[0]?.stop();
    await boot({ encryption: { ...encryption, required: true } });
    const refused = await plain.queue().enqueue('handlers.echo', 2);
    await expect(refused.result(soon)).rejects.toThrow('is not encrypted, and must be');
    await plain.close();
  });

  it('S14: serves those who settle by hand', async () => {
    const job = await rq.queue('hand').enqueueWith({ meta: { m: 'S3cr3t' } }, 'f', 'S3cr3t');
    const delivery = await firstValueFrom(rq.queue('hand').deliveries$());
    expect(delivery.call().args).toEqual(['S3cr3t']);
    expect(delivery.meta()).toEqual({ m: 'S3cr3t' });
    expect(await delivery.finish({ answer: 'S3cr3t' })).toBe('finished');
    expect(await job.result(soon)).toEqual({ answer: 'S3cr3t' });
    expect(await everything()).not.toContain('S3cr3t');
  });

  it('S14: is there where jobs run in place', async () => {
    const inPlace = rqInPlace({ url: redis.url, handlers, encryption });
    const options = { meta: { secret: 'S3cr3t meta' }, onSuccess: 'handlers.onSuccess' };
    const job = await inPlace.queue().enqueueWith(options, 'handlers.echo', 'S3cr3t');
    const failed = await inPlace.queue().enqueue('handlers.fail', 'S3cr3t');
    expect(await job.result({ timeoutMs: 0 })).toBe('S3cr3t');
    expect((await failed.fetch()).excInfo).toContain('RangeError: no S3cr3t\n');
    expect(await everything()).not.toContain('S3cr3t');
    await inPlace.close();
  });

  (process.platform === 'linux' ? it : it.skip).each(['pool', 'fork-per-job'] as const)(
    'S14: S16: has its keys in no memory of a child, %s',
    async (isolation) => {
      let printed = '';
      await boot(
        { isolation },
        { onOutput: (_: unknown, __: unknown, text: string) => (printed += text) },
      );
      await rq.queue().enqueue('handlers.keep', 'S3cr3t argument');
      const pid = Number(await until('it runs', () => /pid (\d+);/.exec(printed)?.[1]));
      expect(pid).not.toBe(process.pid);
      // What is certainly there is found: so the keys would be.
      expect(memoryHolds(pid, Buffer.from('S3cr3t argument'))).toBe(true);
      expect(memoryHolds(pid, k1)).toBe(false);
    },
    20_000,
  );

  it('S14: S16: shows its keys to nobody', async () => {
    const forms = [k1.toString('hex'), k1.toString('base64'), k1.toString('latin1'), k1.join(', ')];
    await boot({ isolation: 'pool' });
    const seen = await (await rq.queue().enqueue('handlers.surroundings')).result(soon);
    const shown = [
      JSON.stringify(seen),
      inspect(rq, { depth: 9, showHidden: true }),
      inspect(workers[0], { depth: 9, showHidden: true }),
    ];
    shown.push(inspect(new Cipher(encryption), { showHidden: true }), await everything());
    for (const bad of [
      { keys: { k1 }, current: 'k2' },
      { keys: { k1: k1.subarray(1) }, current: 'k1' },
      { keys: { 'a b': k1 }, current: 'k1' },
    ]) {
      try {
        new Rq({ url: redis.url, encryption: bad });
        shown.push('no error');
      } catch (error) {
        shown.push(inspect(error, { depth: 9 }));
      }
    }
    for (const text of shown) for (const form of forms) expect(text).not.toContain(form);
    expect(shown).not.toContain('no error');
  });
});
