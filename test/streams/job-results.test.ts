import { deflateSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { firstValueFrom, take } from 'rxjs';
import { NoSuchJobError } from '../../src/redis/errors.js';
import { keys } from '../../src/redis/keys.js';
import type { Delivery } from '../../src/streams/delivery.js';
import type { Rq } from '../../src/streams/rq.js';
import { freshRq } from '../support/fresh-rq.js';

let redis: Redis;
let rq: Rq;
freshRq((fresh) => {
  redis = fresh.client;
  rq = fresh.rq;
});

const claimed = (): Promise<Delivery> => firstValueFrom(rq.queue('q').deliveries$().pipe(take(1)));
const base64 = (text: string) => Buffer.from(text).toString('base64');
const traceback = deflateSync(Buffer.from('Traceback …')).toString('base64');

describe('the results of a job', () => {
  it('are read from the hash where there is no stream', async () => {
    const job = await rq.queue('q').enqueue('f');
    expect(await job.results()).toEqual([]);
    expect(await job.latestResult()).toBeNull();
    await (await claimed()).finish({ words: 3 });
    const [result] = await job.results();
    expect(result).toMatchObject({ id: '', kind: 'successful', value: { words: 3 }, problem: '' });
    expect(result?.createdAt).toEqual((await job.fetch()).endedAt);
    const failing = await rq.queue('q').enqueue('f');
    await (await claimed()).fail(new Error('no'));
    expect(await failing.latestResult()).toMatchObject({
      kind: 'failed',
      traceback: expect.stringContaining('no'),
      value: undefined,
    });
    await failing.delete();
    await expect(failing.results()).rejects.toThrow(NoSuchJobError);
  });

  it('are every type of the stream, the newest first, and what cannot be read is told', async () => {
    const job = await rq.queue('q').enqueueWith({ jobId: 'a' }, 'f');
    const add = (type: string, ...fields: string[]) =>
      redis.xadd(keys.results('a'), '*', 'type', type, ...fields);
    await add('1', 'return_value', base64('4'), 'worker_name', 'w');
    await add('2', 'exc_string', traceback, 'execution_started_at', '1795405104.012247');
    await add('3');
    await add('4', 'execution_id', '0'.repeat(32));
    await add('5', 'exc_string', base64('not deflated'));
    await add('9', 'return_value', '###', 'execution_ended_at', 'soon');
    const results = await job.results();
    expect(results.map(({ kind }) => kind)).toEqual([
      'unknown',
      'maxRetriesExceeded',
      'retried',
      'stopped',
      'failed',
      'successful',
    ]);
    expect(results[5]).toMatchObject({ value: 4, workerName: 'w', problem: '' });
    expect(results[4]).toMatchObject({
      traceback: 'Traceback …',
      startedAt: new Date(1_795_405_104_012),
    });
    expect(results[2]?.execution).toBe('0'.repeat(32));
    expect(results[1]).toMatchObject({
      traceback: '',
      problem: expect.stringContaining('exc_string'),
    });
    expect(results[0]?.problem).toMatch(/execution_ended_at.*return_value/);
    expect(await job.results({ count: 2 })).toHaveLength(2);
    expect((await job.latestResult())?.kind).toBe('unknown');
  });
});

describe('the executions of a job', () => {
  it('are those that are alive: what their registry holds longer is passed over', async () => {
    const job = await rq.queue('q').enqueueWith({ jobId: 'a' }, 'f');
    expect(await job.executions()).toEqual([]);
    await redis.zadd(keys.executions('a'), 9e9, 'x1', 9e9, 'x2', 9e9, 'x3');
    await redis.hset(keys.execution('a', 'x1'), {
      id: 'x1',
      created_at: '1795405104.5',
      last_heartbeat: 'garbage',
    });
    // A heartbeat after the end: a part of it comes back.
    await redis.hset(keys.execution('a', 'x3'), 'last_heartbeat', '1795405104.5');
    expect(await job.executions()).toEqual([
      {
        id: 'x1',
        jobId: 'a',
        workerName: '',
        createdAt: new Date(1_795_405_104_500),
        lastHeartbeat: null,
      },
    ]);
  });
});
