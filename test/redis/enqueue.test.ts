import { deflateSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { WrongKeyTypeError } from '../../src/redis/errors.js';
import { keys } from '../../src/redis/keys.js';
import { enqueue } from '../../src/redis/transitions/enqueue.js';
import { freshWire } from './support/fresh-wire.js';
import { createdAt, newJob, type Wire } from './support/wire.js';

let wire: Wire;
freshWire((fresh) => {
  wire = fresh;
});

const write = (...jobs: Parameters<typeof newJob>[]) =>
  enqueue(
    wire.redis,
    'default',
    createdAt,
    jobs.map((job) => newJob(...job)),
    wire.settings,
  );

describe('enqueue', () => {
  it("writes RQ's fields, and no others, in RQ's formats", async () => {
    expect(await write(['a'])).toEqual(['written']);
    expect(await wire.hash('a')).toEqual({
      created_at: createdAt,
      data: '["tasks.add", null, [1, 2], {}]',
      origin: 'default',
      description: 'tasks.add(1, 2)',
      enqueued_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
      status: 'queued',
      last_heartbeat: '',
    });
    expect(await wire.redis.smembers(keys.queues)).toEqual(['rq:queue:default']);
    expect(await wire.redis.ttl(keys.job('a'))).toBe(-1);
    expect(await wire.story('a')).toBe('enqueued');
  });

  it('keeps the order of a batch, and puts what wants to the front', async () => {
    await write(['a'], ['b'], ['c', { atFront: true }], ['d']);
    expect(await wire.ids()).toEqual(['c', 'a', 'b', 'd']);
  });

  it('gives a job its time to live and its further fields', async () => {
    await write(['a', { ttlSeconds: 60, fields: ['ttl', 60, 'meta', Buffer.from('{"x": 1}')] }]);
    expect(await wire.redis.ttl(keys.job('a'))).toBeGreaterThan(58);
    expect(await wire.hash('a')).toMatchObject({ ttl: '60', meta: '{"x": 1}' });
  });

  it('knows its own request again, and refuses the id to another job', async () => {
    await write(['a'], ['b']);
    const before = await wire.snapshot();
    expect(await write(['a'], ['b'])).toEqual(['same', 'same']);
    expect(await write(['a', { data: Buffer.from('["tasks.sub", null, [], {}]') }])).toEqual([
      'duplicate',
    ]);
    expect(
      await enqueue(
        wire.redis,
        'default',
        '2026-11-23T07:00:00.000001Z',
        [newJob('a')],
        wire.settings,
      ),
    ).toEqual(['duplicate']);
    expect(await wire.snapshot()).toEqual(before);
  });

  it('knows it by its time of creation once Python has saved the job, and deflated its payload', async () => {
    await write(['a']);
    const { data } = newJob('a');
    await wire.redis.hset(keys.job('a'), 'data', deflateSync(data));
    expect(await write(['a'])).toEqual(['same']);
    await wire.redis.hset(keys.job('a'), 'created_at', '2026-11-23T07:00:00.000001Z');
    expect(await write(['a'])).toEqual(['duplicate']);
  });

  it('writes a request that comes 50 times at once exactly once', async () => {
    const all = await Promise.all(Array.from({ length: 50 }, () => write(['a'], ['b'])));
    expect(all.flat().filter((verdict) => verdict === 'written')).toHaveLength(2);
    expect(await wire.ids()).toEqual(['a', 'b']);
    expect(await wire.story('a')).toBe('enqueued');
  });

  it('writes an id that stands twice in one batch once', async () => {
    expect(await write(['a'], ['a'])).toEqual(['written', 'same']);
    expect(await wire.ids()).toEqual(['a']);
  });

  it('takes a key of another type for another job', async () => {
    await wire.redis.set(keys.job('a'), 'mine');
    expect(await write(['a'], ['b'])).toEqual(['duplicate', 'written']);
    expect(await wire.redis.get(keys.job('a'))).toBe('mine');
  });

  it('writes nothing when a key of the queue has another type', async () => {
    for (const key of [keys.queues, keys.queue('default'), keys.events('default')]) {
      await wire.redis.flushdb();
      await wire.redis.set(key, 'x');
      await expect(write(['a'])).rejects.toThrow(WrongKeyTypeError);
      expect(await wire.redis.dbsize()).toBe(1);
    }
  });

  it('goes on after SCRIPT FLUSH', async () => {
    await wire.redis.script('FLUSH');
    expect(await write(['a'])).toEqual(['written']);
  });
});
