import { describe, expect, it } from '@jest/globals';
import { dateMs, dueOf } from '../../src/redis/due.js';
import { InvalidOptionError, WrongKeyTypeError } from '../../src/redis/errors.js';
import { fieldsOf } from '../../src/redis/job-options.js';
import { keys } from '../../src/redis/keys.js';
import { enqueue, type NewJob } from '../../src/redis/transitions/enqueue.js';
import { markOf, passOn } from '../../src/redis/transitions/pass-on.js';
import { freshWire } from './support/fresh-wire.js';
import { createdAt, newJob, type Wire } from './support/wire.js';

let wire: Wire;
freshWire((fresh) => {
  wire = fresh;
});

const write = (...jobs: NewJob[]) => enqueue(wire.redis, 'default', createdAt, jobs, wire.settings);
const inMs = (ms: number): Partial<NewJob> => ({ due: { inMs: ms } });
const score = async (id: string) => Number(await wire.redis.zscore(keys.scheduled('default'), id));

describe('a new job with a time', () => {
  it("is in RQ's scheduled registry with the fields RQ gives it, and tells of its time", async () => {
    const atMs = Date.UTC(2040, 0, 2, 3, 4, 5, 678);
    expect(await write(newJob('a', { due: { atMs } }))).toEqual(['written']);
    expect(await wire.hash('a')).toEqual({
      created_at: createdAt,
      data: '["tasks.add", null, [1, 2], {}]',
      origin: 'default',
      description: 'tasks.add(1, 2)',
      status: 'scheduled',
      last_heartbeat: '',
    });
    expect(await score('a')).toBe(atMs / 1000);
    expect(await wire.ids()).toEqual([]);
    expect(await wire.redis.smembers(keys.queues)).toEqual(['rq:queue:default']);
    expect(await wire.events()).toEqual([
      expect.objectContaining({ kind: 'scheduled', jobId: 'a', dueAt: atMs, queue: 'default' }),
    ]);
  });

  it('counts a pause by the clock of Redis, to the millisecond', async () => {
    const [seconds, micros] = (await wire.redis.time()).map(Number) as [number, number];
    await write(newJob('a', inMs(60_250)));
    const aheadMs = (await score('a')) * 1000 - (seconds * 1000 + micros / 1000);
    expect(aheadMs).toBeGreaterThan(60_248);
    expect(aheadMs).toBeLessThan(65_000);
  });

  it('goes to the queue at once when its time has come, at the front when it wants', async () => {
    await write(
      newJob('a'),
      newJob('b', { due: { atMs: 1_000 }, atFront: true, fields: ['enqueue_at_front', 1] }),
      newJob('c', { ...inMs(0), ttlSeconds: 60 }),
    );
    expect(await wire.ids()).toEqual(['b', 'a', 'c']);
    expect(await wire.status('b')).toBe('queued');
    expect(await wire.redis.ttl(keys.job('c'))).toBeGreaterThan(50);
    expect(await wire.redis.exists(keys.scheduled('default'))).toBe(0);
  });

  it('shares its batch with jobs that have none, each told in the log', async () => {
    const verdicts = await write(
      newJob('a'),
      ...Array.from({ length: 150 }, (_, n) => newJob(`s${n}`, inMs(1_000_000 + n))),
      newJob('b', { atFront: true }),
    );
    expect(new Set(verdicts)).toEqual(new Set(['written']));
    expect(await wire.ids()).toEqual(['b', 'a']);
    expect(await wire.redis.zcard(keys.scheduled('default'))).toBe(150);
    const kinds = (await wire.events()).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'scheduled')).toHaveLength(150);
    expect(kinds.filter((kind) => kind === 'enqueued')).toHaveLength(2);
  });

  it('keeps its time to live for the queue', async () => {
    await write(newJob('a', { ...inMs(60_000), ttlSeconds: 5, fields: ['ttl', 5] }));
    expect(await wire.redis.ttl(keys.job('a'))).toBe(-1);
    expect(await wire.hash('a')).toMatchObject({ ttl: '5' });
  });

  it('is written once, however often the request comes, and refuses its id to others', async () => {
    const all = await Promise.all(
      Array.from({ length: 20 }, () => write(newJob('a', inMs(9_000)))),
    );
    expect(all.flat().filter((verdict) => verdict === 'written')).toHaveLength(1);
    const before = await wire.snapshot();
    expect(await write(newJob('a', inMs(70_000)))).toEqual(['same']);
    expect(await write(newJob('a', { data: '["other", null, [], {}]' }))).toEqual(['duplicate']);
    expect(await wire.snapshot()).toEqual(before);
  });

  it('writes nothing at all when the registry is no registry', async () => {
    await wire.redis.set(keys.scheduled('default'), 'x');
    await expect(write(newJob('a'), newJob('b', inMs(5_000)))).rejects.toThrow(WrongKeyTypeError);
    expect(await wire.redis.keys('*')).toEqual([keys.scheduled('default')]);
    expect(await write(newJob('c'))).toEqual(['written']);
  });

  it('may come out of a pipeline', async () => {
    const request = {
      pipeline: 'p',
      from: '',
      to: markOf('5-0', 'w'),
      queue: 'default',
      createdAt,
    };
    const jobs = [newJob('a', inMs(60_000)), newJob('b')];
    expect(await passOn(wire.redis, { ...request, jobs }, wire.settings)).toBe(request.to);
    expect([await wire.status('a'), await wire.status('b')]).toEqual(['scheduled', 'queued']);
  });
});

describe('the options', () => {
  it('give a job its time, and tell its scheduler of the front', () => {
    const at = new Date(Date.UTC(2040, 0, 1));
    expect(fieldsOf({ at })).toMatchObject({ due: { atMs: at.getTime() }, fields: [] });
    expect(fieldsOf({ inMs: 5, atFront: true })).toMatchObject({
      due: { inMs: 5 },
      fields: ['enqueue_at_front', 1],
    });
    expect(fieldsOf({ atFront: true })).toEqual({ atFront: true, ttlSeconds: null, fields: [] });
  });

  it('refuse what is no time, and a unique job without an id', () => {
    const given = [
      { at: new Date(Number.NaN) },
      { at: new Date(Date.UTC(20_000, 0, 1)) },
      { at: '2040-01-01' as unknown as Date },
      { inMs: -1 },
      { inMs: 1.5 },
      { inMs: Number.POSITIVE_INFINITY },
      { inMs: 1, at: new Date() },
      { in: 1, inMs: 1 },
      { in: '200000d' as const },
      { in: -1 },
      { in: 'soon' as unknown as number },
      { unique: true },
    ];
    for (const options of given) expect(() => fieldsOf(options)).toThrow(InvalidOptionError);
    expect(fieldsOf({ unique: true, jobId: 'a' })).toMatchObject({ fields: [] });
    expect(dueOf({})).toBeUndefined();
  });

  it('read pauses in seconds, or with their units', () => {
    expect([
      dueOf({ in: '10m' }),
      dueOf({ in: 90 }),
      dueOf({ in: '7d' }),
      dueOf({ inMs: 250 }),
    ]).toEqual([600_000, 90_000, 604_800_000, 250].map((inMs) => ({ inMs })));
    expect(() => dateMs('at', undefined)).toThrow(/^Invalid option at: /);
  });
});
