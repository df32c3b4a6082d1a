import { describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { concatMap, lastValueFrom, take } from 'rxjs';
import { InvalidNameError, WrongKeyTypeError } from '../../src/redis/errors.js';
import { pruneGroups } from '../../src/redis/group-store.js';
import { keys } from '../../src/redis/keys.js';
import type { Rq } from '../../src/streams/rq.js';
import { freshRq } from '../support/fresh-rq.js';

let redis: Redis;
let rq: Rq;
freshRq((fresh) => {
  redis = fresh.client;
  rq = fresh.rq;
});

const sorted = async (ids: Promise<string[]>): Promise<string[]> => (await ids).sort();
const three = ['a', 'b', 'c'].map((jobId) => ({ name: 'f', options: { jobId } }));

describe('a group', () => {
  it('is written in the script that writes its jobs, whatever queue they are on', async () => {
    const group = rq.group('night');
    await group.enqueueMany(rq.queue('q'), three);
    await rq.queue('other').enqueueWith({ jobId: 'd', groupId: 'night' }, 'f');
    await rq.queue('q').enqueueWith({ jobId: 'alone' }, 'f');
    expect(await sorted(group.ids())).toEqual(['a', 'b', 'c', 'd']);
    expect(await group.count()).toBe(4);
    expect(await rq.groupNames()).toEqual(['night']);
    const [record, alone] = await rq.fetchMany(['d', 'alone', 'none']);
    expect(record).toMatchObject({ groupId: 'night', origin: 'other' });
    expect(alone?.groupId).toBe('');
    expect((await group.jobs()).map(({ id }) => id).sort()).toEqual(['a', 'b', 'c', 'd']);
  });

  it('is left by a job that is not kept, with its end; the last one takes it along', async () => {
    const options = { groupId: 'night', resultTtl: 0, failureTtl: 0 };
    await rq.queue('q').enqueueWith({ ...options, jobId: 'good' }, 'f');
    await rq.queue('q').enqueueWith({ ...options, jobId: 'bad' }, 'f');
    const left: string[][] = [];
    await lastValueFrom(
      rq
        .queue('q')
        .deliveries$()
        .pipe(
          concatMap(async (delivery) => {
            if (delivery.jobId === 'good') await delivery.finish();
            else await delivery.fail(new Error('no'));
            left.push(await rq.group('night').ids());
          }),
          take(2),
        ),
    );
    expect(left).toEqual([['bad'], []]);
    expect(await rq.groupNames()).toEqual([]);
    expect(await redis.exists(keys.job('good'), keys.job('bad'))).toBe(0);
  });

  it('is not joined by a job whose id is taken', async () => {
    await rq.queue('q').enqueueWith({ jobId: 'a' }, 'f', 1);
    await rq.queue('q').enqueueWith({ jobId: 'a', groupId: 'g', onDuplicate: 'keep' }, 'f', 2);
    expect(await rq.groupNames()).toEqual([]);
    expect(await redis.exists(keys.group('g'))).toBe(0);
  });

  it('refuses a job before anything of it is written, when its key is no set', async () => {
    await redis.set(keys.group('g'), 'somebody else');
    await expect(rq.group('g').enqueueMany(rq.queue('q'), three)).rejects.toThrow(
      WrongKeyTypeError,
    );
    expect(await redis.keys('rq:job:*')).toEqual([]);
    expect(await rq.queue('q').length()).toBe(0);
    expect(() => rq.group('')).toThrow(InvalidNameError);
    await expect(rq.queue('q').enqueueWith({ groupId: 'a\n' }, 'f')).rejects.toThrow(
      InvalidNameError,
    );
  });

  it('lets a job go, and ends with the last one; no hash names a group that is gone', async () => {
    const group = rq.group('g');
    await group.enqueueMany(rq.queue('q'), three);
    expect(await group.remove('a')).toBe(true);
    expect(await group.remove('a')).toBe(false);
    expect(await redis.hexists(keys.job('a'), 'group_id')).toBe(0);
    expect(await group.delete()).toBe(2);
    expect(await redis.hexists(keys.job('c'), 'group_id')).toBe(0);
    expect(await redis.exists(keys.group('g'), keys.groups)).toBe(0);
    expect(await rq.queue('q').length()).toBe(3);
  });

  it('is deleted with its jobs when asked to', async () => {
    const group = rq.group('g');
    await group.enqueueMany(rq.queue('q'), three);
    await redis.sadd(keys.group('g'), 'expired');
    expect(await group.delete({ deleteJobs: true })).toBe(4);
    expect(await redis.keys('rq:job:*')).toEqual([]);
    expect(await redis.exists(keys.group('g'), keys.groups, keys.queue('q'))).toBe(0);
  });

  it('is left by a job that is deleted', async () => {
    const [job] = await rq.group('g').enqueueMany(rq.queue('q'), three);
    await job?.delete();
    expect(await sorted(rq.group('g').ids())).toEqual(['b', 'c']);
  });

  it('is pruned of jobs that are gone, once in a while and by one, past keys that are no groups', async () => {
    await rq.group('g').enqueueMany(rq.queue('q'), three);
    await rq.queue('q').enqueueWith({ jobId: 'd', groupId: 'empty' }, 'f');
    await redis.del(keys.job('b'), keys.job('d'));
    await redis.sadd(keys.groups, 'broken', 'nameOnly');
    await redis.set(keys.group('broken'), 'x');
    await expect(pruneGroups(redis)).rejects.toThrow();
    expect(await rq.groupNames()).toEqual(['broken', 'g']);
    expect(await sorted(rq.group('g').ids())).toEqual(['a', 'c']);
    await redis.del(keys.job('a'));
    expect(await pruneGroups(redis)).toBe(false);
    expect(await rq.group('g').prune()).toBe(1);
  });
});
