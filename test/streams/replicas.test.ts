import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { aclRules } from '../../src/redis/acl.js';
import { NotReplicatedError } from '../../src/redis/errors.js';
import { keys } from '../../src/redis/keys.js';
import { Rq, type RqOptions } from '../../src/streams/rq.js';
import { startPrivateRedis } from '../support/redis.js';
import { until } from '../support/until.js';

type Server = Awaited<ReturnType<typeof startPrivateRedis>>;
let primary: Server;
let replica: Server;
let redis: Redis;
let there: Redis;
let rq: Rq;
const opened: Rq[] = [];

const open = (options: RqOptions = {}): Rq => {
  const one = new Rq({ url: primary.url, ...options });
  opened.push(one);
  return one;
};
const waits = async (): Promise<number> =>
  Number(/cmdstat_wait:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0);
const one = { waitReplicas: 1 };
const brief = { waitReplicas: { replicas: 1, timeoutMs: 100 } };

beforeAll(async () => {
  primary = await startPrivateRedis();
  replica = await startPrivateRedis({ args: ['--replicaof', '127.0.0.1', String(primary.port)] });
  redis = new Redis(primary.url);
  there = new Redis(replica.url);
  await until('the replica follows', async () =>
    (await there.info('replication')).includes('master_link_status:up'),
  );
});
beforeEach(async () => {
  await redis.flushall();
  rq = open();
});
afterEach(async () => {
  replica.thaw();
  await Promise.all(opened.splice(0).map((each) => each.close()));
});
afterAll(async () => {
  redis.disconnect();
  there.disconnect();
  await replica.stop();
  await primary.stop();
});

describe('a job that waits for replicas', () => {
  it('is in the replica when it is acknowledged', async () => {
    for (let n = 0; n < 20; n++) {
      const job = await rq.queue('q').enqueueWith(one, 'f', n);
      expect(await there.hget(keys.job(job.id), 'status')).toBe('queued');
    }
    const jobs = await rq
      .queue('q')
      .enqueueMany(Array.from({ length: 600 }, () => ({ name: 'f', options: one })));
    expect(await there.exists(...jobs.map(({ id }) => keys.job(id)))).toBe(600);
    const after = await rq.queue('q').enqueueWith({ ...one, dependsOn: jobs[0] as never }, 'f');
    expect(await there.hget(keys.job(after.id), 'status')).toBe('deferred');
  });

  it('shares one WAIT with those that are enqueued with it', async () => {
    await rq.queue('q').enqueueWith(one, 'f');
    const before = await waits();
    await Promise.all(Array.from({ length: 200 }, () => rq.queue('q').enqueueWith(one, 'f')));
    expect((await waits()) - before).toBeLessThanOrEqual(3);
  });

  it('rejects when no replica confirms in time: it is enqueued, and others are not held up', async () => {
    replica.freeze();
    const late = rq.queue('q').enqueueWith({ ...one, jobId: 'late' }, 'f');
    const failed = expect(late).rejects.toMatchObject({
      name: 'NotReplicatedError',
      jobId: 'late',
      confirmed: 0,
      message:
        'Job "late" is enqueued, but 0 of 1 replica(s) confirmed it within 1000 ms: a failover may lose it',
    });
    await until('it is there', async () => (await redis.exists(keys.job('late'))) === 1);
    let isLate = false;
    const rejected = failed.finally(() => {
      isLate = true;
    });
    await rq.queue('q').enqueue('f');
    expect(isLate).toBe(false);
    await rejected;
    expect(await rq.queue('q').ids()).toEqual(['late', expect.any(String)]);
  });

  it('is found when it is enqueued once more, and asked for anew', async () => {
    replica.freeze();
    const again = { ...brief, jobId: 'again', onDuplicate: 'keep' as const };
    await expect(rq.queue('q').enqueueWith(again, 'f')).rejects.toThrow(NotReplicatedError);
    const other = open();
    await expect(other.queue('q').enqueueWith(again, 'f')).rejects.toMatchObject({ confirmed: 0 });
    replica.thaw();
    await other.queue('q').enqueueWith({ ...again, ...one }, 'f');
    expect(await there.exists(keys.job('again'))).toBe(1);
    expect(await rq.queue('q').ids()).toEqual(['again']);
    await expect(rq.queue('q').enqueueWith({ ...one, jobId: 'again' }, 'f')).rejects.toThrow(
      'exists already',
    );
  });

  it('judges each of many by what it asked for', async () => {
    const job = (jobId: string, waitReplicas: number) => ({
      name: 'f',
      options: { jobId, waitReplicas: { replicas: waitReplicas, timeoutMs: 100 } },
    });
    const many = rq.queue('q').enqueueMany([job('none', 0), job('one', 1), job('two', 2)]);
    await expect(many).rejects.toMatchObject({ jobId: 'two', confirmed: 1 });
    expect(await rq.queue('q').ids()).toEqual(['none', 'one', 'two']);
  });

  it('rejects when the connection is lost before they answered', async () => {
    replica.freeze();
    const patient = { replicas: 1, timeoutMs: 4_000 };
    const cut = rq.queue('q').enqueueWith({ jobId: 'cut', waitReplicas: patient }, 'f');
    const failed = expect(cut).rejects.toMatchObject({
      jobId: 'cut',
      confirmed: null,
      message: expect.stringContaining('"cut" is enqueued, but 1 replica(s) could not be asked'),
    });
    const id = await until(
      'somebody waits',
      async () => /^id=(\d+) .* cmd=wait /m.exec(String(await redis.client('LIST')))?.[1],
    );
    await redis.client('KILL', 'ID', id);
    await failed;
    expect(await rq.queue('q').ids()).toEqual(['cut']);
    replica.thaw();
    await rq.queue('q').enqueueWith(one, 'f');
  });

  it('says which right is missing', async () => {
    await redis.acl('SETUSER', 'p', 'reset', 'on', '>pw', ...aclRules('producer'), '-wait');
    const producer = open({ url: primary.url.replace('//', '//p:pw@') });
    const refused = producer.queue('q').enqueueWith(one, 'f');
    await expect(refused).rejects.toThrow(/is enqueued, but .*NOPERM.*wait/i);
    await redis.acl('SETUSER', 'p', '+wait');
    await producer.queue('q').enqueueWith(one, 'f');
  });
});

describe('waitReplicas', () => {
  it('is what an Rq may have as its default, and a job may take back', async () => {
    const careful = open(brief);
    replica.freeze();
    await expect(careful.queue('q').enqueue('f')).rejects.toThrow(NotReplicatedError);
    await expect(careful.queue('q').enqueueMany([{ name: 'f' }])).rejects.toThrow('a failover');
    await careful.queue('q').enqueueWith({ waitReplicas: 0 }, 'f');
    expect(await rq.queue('q').length()).toBe(3);
  });

  it('costs nothing when it is not asked for: no WAIT, no connection', async () => {
    await rq.redis.ping();
    const clients = async () => /connected_clients:\d+/.exec(await redis.info('clients'))?.[0];
    const before = [await waits(), await clients()];
    await rq.queue('q').enqueueMany([{ name: 'f' }, { name: 'f', options: { waitReplicas: 0 } }]);
    await rq.queue('q').enqueue('f');
    expect([await waits(), await clients()]).toEqual(before);
  });

  it.each([
    [-1, 'waitReplicas: it must be a number of replicas'],
    ['1', 'waitReplicas: it must be a number of replicas'],
    [{ replicas: 1, timeoutMs: 0 }, 'waitReplicas.timeoutMs: it must be a whole number'],
    [{ replicas: 1, timeoutMs: 5_000 }, 'from 1 to 4000'],
  ])('refuses %j', async (waitReplicas, message) => {
    const options = { waitReplicas: waitReplicas as number };
    await expect(rq.queue('q').enqueueWith(options, 'f')).rejects.toThrow(message);
    expect(() => new Rq(options)).toThrow(message);
    expect(await rq.queue('q').length()).toBe(0);
  });
});
