import { describe, expect, it } from '@jest/globals';
import { keys } from '../../src/redis/keys.js';
import { cancel } from '../../src/redis/transitions/cancel.js';
import { extend } from '../../src/redis/transitions/extend.js';
import {
  forgetLeases,
  type InFlight,
  inFlightForMs,
  recover,
  recoverIntermediate,
  type Suspects,
  suspectsIn,
} from '../../src/redis/transitions/recover.js';
import { restore } from '../../src/redis/transitions/restore.js';
import type { ClaimedJob } from '../../src/redis/transitions/settlement.js';
import { freshWire } from './support/fresh-wire.js';
import { overdueIn } from './support/overdue.js';
import { finish, newJob, type TestWorker, type Wire } from './support/wire.js';

let wire: Wire;
freshWire((fresh) => {
  wire = fresh;
});

/** Leases of the worker and its jobs, and then its death: everything it held is overdue. */
const die = async (worker: TestWorker, jobs: readonly ClaimedJob[], queue = 'default') => {
  const since = jobs.map((job) => ({ job, sinceMs: performance.now() }));
  await extend(wire.redis, worker, queue, since, wire.settings);
  await wire.redis.zadd(keys.leases(queue), 1, worker.tag);
};

const recoverAll = async (queue = 'default') =>
  recover(wire.redis, queue, await overdueIn(wire.redis, queue), wire.settings);

describe('recover', () => {
  it('brings the jobs of a dead worker back to the head of their queue', async () => {
    await wire.enqueue('a', 'b', 'c');
    const worker = wire.worker();
    const alive = wire.worker();
    const jobs = await worker.claim(1);
    const kept = await alive.claim(1);
    await extend(wire.redis, alive, 'default', [], wire.settings);
    await die(worker, jobs);
    expect(await recoverAll()).toEqual(['recovered']);
    expect(await wire.ids()).toEqual(['a', 'c']);
    expect(await wire.hash('a')).toMatchObject({ status: 'queued', x_recoveries: '1' });
    expect(await wire.redis.zrange(keys.wip('default'), '0', '-1')).toEqual([
      `b:${kept[0]?.execution}`,
    ]);
    expect(await wire.redis.keys('rq:execution*')).toEqual([]);
    expect(await wire.story('a')).toBe('enqueued started recovered');
    expect(await wire.story('b')).toBe('enqueued started');
    const again = await wire.worker().claimOne();
    expect(again).toMatchObject({ jobId: 'a', attempt: 2 });
    expect(jobs[0] && (await worker.settle(jobs[0], finish()))).toBe('lost');
  });

  it('sees the last to die behind a thousand whose leases are still remembered', async () => {
    const tags = Array.from({ length: 1_100 }, (_, n) => [1, `dead${n + 10_000}`]).flat();
    await wire.redis.zadd(keys.leases('default'), ...tags);
    await wire.enqueue('a');
    const worker = wire.worker();
    await die(worker, await worker.claim(1));
    await wire.redis.zadd(keys.leases('default'), 1_000, worker.tag);
    expect(await recoverAll()).toEqual(['recovered']);
  });

  it('is done by one of two callers', async () => {
    await wire.enqueue('a');
    const worker = wire.worker();
    await die(worker, await worker.claim(1));
    const seen = await overdueIn(wire.redis, 'default');
    const verdicts = await Promise.all(
      Array.from({ length: 20 }, () => recover(wire.redis, 'default', seen, wire.settings)),
    );
    expect(verdicts.flat().sort()).toEqual([...Array(19).fill('dropped'), 'recovered']);
    expect(await wire.ids()).toEqual(['a']);
  });

  it('skips a lease that moved since it was seen', async () => {
    await wire.enqueue('a', 'b');
    const worker = wire.worker();
    const jobs = await worker.claim(1);
    await die(worker, jobs);
    const seen = await overdueIn(wire.redis, 'default');
    await extend(wire.redis, worker, 'default', [], wire.settings);
    expect(await recover(wire.redis, 'default', seen, wire.settings)).toEqual(['skipped']);
    // Though it is over again by now: somebody renewed it in between.
    await wire.redis.zadd(keys.leases('default'), 2, worker.tag);
    expect(await recover(wire.redis, 'default', seen, wire.settings)).toEqual(['skipped']);
    await extend(wire.redis, worker, 'default', [], wire.settings);
    // And the lease of one job, by which Python's cleaners judge.
    const python = wire.worker();
    const job = await python.claimOne();
    const member = `b:${job.execution}`;
    await wire.redis.zadd(keys.wip('default'), 5, member);
    const wide = await overdueIn(wire.redis, 'default');
    expect(wide).toEqual([{ member: Buffer.from(member), score: '5', kind: 'job' }]);
    await wire.redis.zadd(keys.wip('default'), 6, member);
    expect(await recover(wire.redis, 'default', wide, wire.settings)).toEqual(['skipped']);
  });

  it('quarantines a job that was recovered often enough', async () => {
    await wire.enqueue('a');
    const verdicts: string[] = [];
    for (let death = 0; death < 2; death++) {
      const worker = wire.worker();
      await die(worker, await worker.claim(1));
      verdicts.push(...(await recoverAll()));
    }
    expect(verdicts).toEqual(['recovered', 'quarantined']);
    expect((await wire.hash('a')).exc_info).toMatch(
      /^Moved to FailedJobRegistry, due to AbandonedJobError, at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\+00:00$/,
    );
    expect(await wire.redis.lrange(keys.failedQueue, 0, -1)).toEqual(['a']);
    expect(await wire.story('a')).toBe('enqueued started recovered started quarantined');
  });

  it('counts the recoveries of a job that Python enqueued anew under its id from the beginning', async () => {
    await wire.enqueue('a');
    const created_at = '2026-11-24T07:00:00.000000Z';
    const death = async (): Promise<string[]> => {
      const worker = wire.worker();
      await die(worker, await worker.claim(1));
      return recoverAll();
    };
    expect(await death()).toEqual(['recovered']);
    await wire.worker().claim(1);
    // Run and enqueued by Python meanwhile: no claim of ours has looked at it.
    await wire.redis.del(keys.wip('default'));
    await wire.enqueuePython('a', { created_at, status: 'started' });
    await wire.redis.del(keys.queue('default'));
    await wire.redis.zadd(keys.wip('default'), 1, `a:${'e'.repeat(32)}`);
    expect(await recoverAll()).toEqual(['recovered']);
    expect(await wire.hash('a')).toMatchObject({ x_recoveries: '1', x_born: created_at });
    // Saved by its producer, it is the same job.
    await wire.enqueuePython('a', { created_at });
    await wire.redis.ltrim(keys.queue('default'), 0, 0);
    expect(await death()).toEqual(['quarantined']);
  });

  it('47: puts aside one with a status that nobody knows, and runs one without any again', async () => {
    await wire.enqueue('odd', 'bare', 'no-job');
    const worker = wire.worker();
    await die(worker, await worker.claim(3));
    await wire.redis.hset(keys.job('odd'), 'status', 'exploded');
    await wire.redis.hdel(keys.job('bare'), 'status');
    await wire.redis.del(keys.job('no-job'));
    expect((await recoverAll()).sort()).toEqual(['dropped', 'handedBack', 'recovered']);
    const again = await wire.worker().claim(3);
    expect(again.map(({ jobId }) => jobId)).toEqual(['bare']);
    expect(await wire.story('odd')).toBe('enqueued started handedBack quarantined');
    expect(await wire.events()).toContainEqual(
      expect.objectContaining({ kind: 'quarantined', reason: 'unknown status exploded' }),
    );
    expect(await wire.redis.lrange(keys.failedQueue, 0, -1)).toEqual(['odd']);
  });

  it('recovers a job of which RQ’s `save()` wrote back what it was, not one that stands there', async () => {
    await wire.enqueue('a', 'b', 'c', 'd');
    const worker = wire.worker();
    await die(worker, await worker.claim(4));
    const [a, b, c, d] = 'abcd'.split('').map((id) => keys.job(id)) as [
      string,
      string,
      string,
      string,
    ];
    await wire.redis.hset(a, 'status', 'queued');
    await wire.redis.hset(b, 'status', 'deferred');
    await wire.redis.hset(c, 'status', 'queued');
    await wire.redis.rpush(keys.queue('default'), 'c');
    await wire.redis.hset(d, 'status', 'scheduled');
    await wire.redis.zadd(keys.scheduled('default'), 1, 'd');
    expect((await recoverAll()).sort()).toEqual(['dropped', 'dropped', 'recovered', 'recovered']);
    expect((await wire.ids()).sort()).toEqual(['a', 'b', 'c']);
    expect((await wire.worker().claim(9)).map(({ jobId }) => jobId).sort()).toEqual([
      'a',
      'b',
      'c',
    ]);
  });

  it('lets the retries of the job decide where it has some', async () => {
    await wire.enqueue(newJob('a', { fields: ['retries_left', 2] }));
    const verdicts: string[] = [];
    for (let death = 0; death < 3; death++) {
      const worker = wire.worker();
      await die(worker, await worker.claim(1));
      verdicts.push(...(await recoverAll()));
    }
    expect(verdicts).toEqual(['recovered', 'recovered', 'quarantined']);
    expect((await wire.hash('a')).retries_left).toBe('0');
  });

  it('hands back what was held and never begun, uncharged', async () => {
    await wire.enqueue('a');
    for (let death = 0; death < 3; death++) {
      const worker = wire.worker();
      await die(worker, await worker.hold(1));
      expect(await recoverAll()).toEqual(['handedBack']);
    }
    expect(await wire.hash('a')).not.toHaveProperty('x_recoveries');
    // But each has a fence of its own: a handler may have begun without Redis having heard of it.
    expect((await wire.worker().claimOne()).attempt).toBe(4);
    await wire.redis.del(keys.wip('default'));
    await wire.redis.lpush(keys.queue('default'), 'a');
    expect(await wire.hash('a')).not.toHaveProperty('x_exec');
    expect(await wire.ids()).toEqual(['a']);
  });

  it('leaves a running job alone when the leftover of an earlier life runs out', async () => {
    await wire.enqueue('a');
    const worker = wire.worker();
    const job = await worker.claimOne();
    for (const member of [`a:${'0'.repeat(32)}`, 'a', 'a:b:c', `a:${'1'.repeat(32)}`]) {
      await wire.redis.zadd(keys.wip('default'), 5, member);
    }
    expect(await recoverAll()).toEqual(['dropped', 'dropped', 'dropped', 'dropped']);
    expect(await wire.ids()).toEqual([]);
    expect(await worker.settle(job, finish())).toBe('finished');
  });

  it('recovers once what two dead executions held', async () => {
    await wire.enqueuePython('a', { status: 'started' });
    await wire.redis.del(keys.queue('default'));
    await wire.redis.zadd(keys.wip('default'), 5, `a:${'0'.repeat(32)}`, 6, `a:${'1'.repeat(32)}`);
    expect(await recoverAll()).toEqual(['dropped', 'recovered']);
    expect(await wire.ids()).toEqual(['a']);
  });

  it.each([
    ['a bare id, as RQ 1 writes', 'a'],
    ["one of Python's executions", `a:${'f'.repeat(32)}`],
    ['two colons', 'a:b:c'],
    ['an execution of odd bytes', 'a:\n\x1b'],
  ])('recovers a started job from %s', async (_, member) => {
    await wire.enqueuePython('a', { status: 'started' });
    await wire.redis.del(keys.queue('default'));
    await wire.redis.zadd(keys.wip('default'), 5, member);
    expect(await recoverAll()).toEqual(['recovered']);
    expect(await wire.ids()).toEqual(['a']);
  });

  it('recovers a job with an id that only RQ 1 takes', async () => {
    await wire.enqueuePython('user:42', { status: 'started' });
    await wire.redis.del(keys.queue('default'));
    await wire.redis.zadd(keys.wip('default'), 5, 'user:42');
    expect(await recoverAll()).toEqual(['recovered']);
    expect(await wire.ids()).toEqual(['user:42']);
  });

  it.each([
    ['an id of odd bytes', Buffer.from('fffe00', 'hex')],
    ['nothing', Buffer.from('')],
    ['a colon', Buffer.from(':')],
    ['an id without a job', Buffer.from('ghost:1')],
    ['a long id', Buffer.from('x'.repeat(5_000))],
  ])('clears away %s', async (_, member) => {
    await wire.redis.zadd(keys.wip('default'), 5, member);
    expect(await recoverAll()).toEqual(['dropped']);
    expect(await wire.redis.exists(keys.wip('default'))).toBe(0);
  });

  it('recovers no job that was canceled while it ran and says again that it runs, but one that was enqueued since', async () => {
    const worker = wire.worker();
    await wire.enqueue('held', 'stray', 'anew');
    const running = await worker.claim(3);
    for (const id of ['held', 'stray', 'anew'])
      await cancel(wire.redis, 'default', id, wire.settings);
    await worker.settle(running[1] as ClaimedJob, finish());
    for (const id of ['held', 'stray', 'anew'])
      await wire.redis.hset(keys.job(id), 'status', 'started');
    await wire.redis.hset(keys.job('anew'), 'enqueued_at', '2999-01-01T00:00:00.000000Z');
    await wire.redis.zadd(keys.leases('default'), 1, worker.tag);
    const overdue = await overdueIn(wire.redis, 'default');
    const { started_at: began = '' } = await wire.hash('stray');
    const stray = { member: Buffer.from('stray'), score: began, kind: 'stray' as const };
    await recover(wire.redis, 'default', [...overdue, stray], wire.settings);
    expect(await restore(wire.redis, 'default', 'stray', wire.settings)).toBe(false);
    expect(await wire.ids()).toEqual(['anew']);
  });

  it('does not charge or move a job that ended', async () => {
    await wire.enqueuePython('a');
    await wire.endAs('a', 'finished');
    await wire.redis.del(keys.queue('default'));
    await wire.redis.zadd(keys.wip('default'), 5, `a:${'0'.repeat(32)}`);
    const before = await wire.snapshot('rq:job:*');
    expect(await recoverAll()).toEqual(['dropped']);
    expect(await wire.snapshot('rq:job:*')).toEqual(before);
    expect(await wire.ids()).toEqual([]);
  });

  it('brings back one that only says so: RQ’s `save()` wrote back what was of long ago', async () => {
    await wire.enqueue('a');
    const worker = wire.worker();
    await die(worker, await worker.claim(1));
    await wire.redis.hset(keys.job('a'), 'status', 'failed');
    expect(await recoverAll()).toEqual(['recovered']);
    expect(await wire.ids()).toEqual(['a']);
    expect(await wire.status('a')).toBe('queued');
  });

  it('survives a job key, and execution keys, of a wrong type', async () => {
    await wire.redis.set(keys.job('a'), 'x');
    await wire.redis.set(keys.executions('a'), 'x');
    await wire.redis.zadd(keys.wip('default'), 5, `a:${'0'.repeat(32)}`);
    expect(await recoverAll()).toEqual(['dropped']);
  });

  it('writes nothing when a key of the queue has a wrong type', async () => {
    await wire.enqueue('a');
    const worker = wire.worker();
    await die(worker, await worker.claim(1));
    const seen = await overdueIn(wire.redis, 'default');
    await wire.redis.set(keys.failed('default'), 'x');
    const before = await wire.snapshot();
    await expect(recover(wire.redis, 'default', seen, wire.settings)).rejects.toThrow(
      'nothing was written',
    );
    expect(await wire.snapshot()).toEqual(before);
  });

  it('forgets the leases of workers that are long dead, and no others', async () => {
    const now = (await wire.nowSeconds()) * 1000;
    await wire.redis.zadd(keys.leases('default'), now - 90_000_000, 'old', now - 1_000, 'new');
    await forgetLeases(wire.redis, 'default');
    expect(await wire.redis.zrange(keys.leases('default'), '0', '-1')).toEqual(['new']);
  });
});

describe('recover-intermediate', () => {
  const park = async (id: string | Buffer) => {
    await wire.redis.rpush(keys.intermediate('default'), id);
    await wire.redis.set(`${keys.intermediate('default')}:first_seen:${String(id)}`, '1');
  };
  const recoverId = (id: string | Buffer, enqueuedAt = '') =>
    recoverIntermediate(
      wire.redis,
      'default',
      { id: Buffer.from(id as string), enqueuedAt },
      wire.settings,
    );

  it('brings an id back to the head of its queue, once', async () => {
    await wire.enqueue('a', 'b');
    await wire.redis.lmove(keys.queue('default'), keys.intermediate('default'), 'LEFT', 'RIGHT');
    await wire.redis.set(`${keys.intermediate('default')}:first_seen:a`, '1');
    const all = await Promise.all(Array.from({ length: 10 }, () => recoverId('a')));
    expect(all.filter(Boolean)).toHaveLength(1);
    expect(await wire.ids()).toEqual(['a', 'b']);
    expect(await wire.redis.exists(`${keys.intermediate('default')}:first_seen:a`)).toBe(0);
  });

  it('leaves to another worker of Python what one janitor brought back and a second one has seen as long', async () => {
    await wire.enqueue('a');
    const pop = () =>
      wire.redis.lmove(keys.queue('default'), keys.intermediate('default'), 'LEFT', 'RIGHT');
    await pop();
    expect(await recoverId('a')).toBe(true);
    // It lies in flight again, and has done so for milliseconds.
    await pop();
    expect(await recoverId('a')).toBe(false);
    expect(await wire.redis.lrange(keys.intermediate('default'), 0, -1)).toEqual(['a']);
    const back = keys.broughtBack('default', 'a');
    expect(await wire.redis.pttl(back)).toBeGreaterThan(inFlightForMs(wire.settings) / 2);
    expect(await wire.redis.pttl(back)).toBeLessThanOrEqual(inFlightForMs(wire.settings));
    // As long as that again, and it is stuck again.
    await wire.redis.del(back);
    expect(await recoverId('a')).toBe(true);
    expect(await wire.ids()).toEqual(['a']);
  });

  it('says that it did, of a job that waits', async () => {
    await wire.enqueue('a');
    await wire.redis.lmove(keys.queue('default'), keys.intermediate('default'), 'LEFT', 'RIGHT');
    expect(await recoverId('a')).toBe(true);
    const told = (await wire.events()).filter(({ kind }) => kind === 'handedBack');
    const reason = 'it lay in flight and nobody began it';
    expect(told).toMatchObject([{ jobId: 'a', execution: '', worker: '', reason }]);
  });

  // RQ leaves an id in flight whose process died before it began, and fails the job or retries it.
  it('only takes out of flight what has its place elsewhere', async () => {
    const { redis } = wire;
    const places = { failed: 'failed', scheduled: 'scheduled', deferred: 'deferred' } as const;
    for (const [id, registry] of Object.entries(places)) {
      await wire.enqueuePython(id, { status: id });
      await redis.zadd(keys[registry]('default'), 9e9, id);
    }
    await wire.enqueuePython('canceled');
    await wire.endAs('canceled', 'canceled');
    await redis.del(keys.queue('default'));
    await wire.enqueue('waiting');
    const ids = ['failed', 'scheduled', 'deferred', 'canceled', 'waiting', 'gone'];
    for (const id of ids) {
      await park(id);
      expect(await recoverId(id)).toBe(true);
    }
    expect(await redis.exists(keys.intermediate('default'))).toBe(0);
    expect(await wire.ids()).toEqual(['waiting']);
    const told = (await wire.events()).filter(({ kind }) => kind !== 'enqueued');
    expect(told.map((event) => [event.kind, event.jobId])).toEqual(
      ids.map((id) => ['dropped', id]),
    );
  });

  it('brings back what says of itself that it waits elsewhere, and does not', async () => {
    const statuses = ['scheduled', 'failed', 'finished', 'canceled'];
    for (const status of statuses) await wire.enqueuePython(status, { status });
    await wire.redis.del(keys.queue('default'));
    for (const id of statuses) {
      await park(id);
      expect(await recoverId(id)).toBe(true);
    }
    expect((await wire.ids()).sort()).toEqual(statuses.sort());
  });

  it('leaves a job alone that was enqueued again since it was seen in flight', async () => {
    await wire.enqueue('a', 'b');
    for (const _ of 'ab')
      await wire.redis.lmove(keys.queue('default'), keys.intermediate('default'), 'LEFT', 'RIGHT');
    await park('no-hash');
    await wire.redis.lpush(keys.job('no-hash'), 'x');
    const look = async () => {
      const [suspects] = await suspectsIn(wire.redis, ['default']);
      if (!suspects || suspects instanceof Error) throw suspects;
      return suspects.inFlight.map(({ id, enqueuedAt }) => [String(id), enqueuedAt] as const);
    };
    const [a, b, none] = await look();
    expect([a?.[0], b?.[0], none]).toEqual(['a', 'b', ['no-hash', '']]);
    // Python failed it, put it back and popped it anew: its process is about to begin.
    await wire.redis.hset(keys.job('a'), 'enqueued_at', '2030-01-01T00:00:00.000000Z');
    expect(await recoverId('a', a?.[1])).toBe(false);
    expect(await recoverId('b', b?.[1])).toBe(true);
    const [again] = await look();
    expect(await recoverId('a', again?.[1])).toBe(true);
    expect(await wire.ids()).toEqual(['a', 'b']);
  });

  // RQ 2.x takes its lease first, and says `started` when the process is there that runs the job.
  it.each(['queued', 'started'])(
    'leaves an id alone that Python is starting (%s)',
    async (status) => {
      await wire.enqueuePython('a', { status });
      await wire.redis.del(keys.queue('default'));
      await park('a');
      await wire.redis.zadd(keys.executions('a'), 1, 'x1');
      await wire.redis.zadd(keys.wip('default'), 9e9, 'a:x1');
      expect(await recoverId('a')).toBe(false);
      await wire.redis.zrem(keys.wip('default'), 'a:x1');
      expect(await recoverId('a')).toBe(true);
    },
  );

  // Python retried it, and left its id in flight; Node began it, and its first heartbeat is to come: nothing but `rq:wip` says who has it.
  it('leaves alone what a worker of ours has just begun', async () => {
    await wire.enqueue('a');
    const worker = wire.worker();
    const job = await worker.claimOne();
    await park('a');
    expect(await recoverId('a')).toBe(false);
    expect(await wire.ids()).toEqual([]);
    expect(await worker.settle(job, finish())).toBe('finished');
    expect(await recoverId('a')).toBe(true);
    expect(await wire.ids()).toEqual([]);
    expect(await wire.redis.exists(keys.intermediate('default'))).toBe(0);
  });

  // RQ puts the lease, and a job that it puts back, where the job says that it comes from, whatever list it was popped from.
  it('looks for the lease of a job in the queue that it comes from too', async () => {
    await wire.enqueuePython('a', { status: 'queued', origin: 'home' });
    await wire.redis.del(keys.queue('default'));
    await park('a');
    await wire.redis.zadd(keys.executions('a'), 1, 'x1');
    await wire.redis.zadd(keys.wip('home'), 9e9, 'a:x1');
    expect(await recoverId('a')).toBe(false);
    await wire.redis.zrem(keys.wip('home'), 'a:x1');
    await wire.redis.rpush(keys.queue('home'), 'a');
    expect(await recoverId('a')).toBe(true);
    expect([await wire.ids(), await wire.ids('home')]).toEqual([[], ['a']]);
  });

  it('leaves alone what is held and says nothing of itself', async () => {
    await wire.redis.hset(keys.job('a'), 'data', 'x', 'origin', 'default');
    await wire.redis.zadd(keys.wip('default'), 9e9, 'a:x1');
    await park('a');
    expect(await recoverId('a')).toBe(false);
  });

  it('takes for the same what says of its enqueueing what is no text', async () => {
    await wire.enqueue('a');
    await wire.redis.hset(keys.job('a'), 'enqueued_at', Buffer.from([0xff, 0x41]));
    await wire.redis.lmove(keys.queue('default'), keys.intermediate('default'), 'LEFT', 'RIGHT');
    const [seen] = await suspectsIn(wire.redis, ['default']);
    const [stay] = (seen as Suspects).inFlight;
    expect(await recoverIntermediate(wire.redis, 'default', stay as InFlight, wire.settings)).toBe(
      true,
    );
    expect(await wire.ids()).toEqual(['a']);
  });

  it('moves odd bytes too: the claim judges them', async () => {
    const odd = Buffer.from('ff0a00', 'hex');
    const jobKey = Buffer.concat([Buffer.from(keys.job('')), odd]);
    await wire.redis.hset(jobKey, 'status', 'queued', 'data', 'x', 'origin', 'default');
    await park(odd);
    expect(await recoverId(odd)).toBe(true);
    expect(await wire.redis.lrangeBuffer(keys.queue('default'), 0, -1)).toEqual([odd]);
    expect(await wire.worker().claim(1)).toEqual([]);
    expect(await wire.redis.exists(keys.queue('default'))).toBe(0);
    expect((await wire.events()).map(({ kind, jobId }) => `${kind} ${jobId}`)).toEqual([
      'handedBack \\xff\\x0a\\x00',
      'quarantined \\xff\\x0a\\x00',
    ]);
  });

  it('loses nothing when the queue has a wrong type', async () => {
    await park('a');
    await wire.redis.set(keys.queue('default'), 'x');
    await expect(recoverId('a')).rejects.toThrow('nothing was written');
    expect(await wire.redis.lrange(keys.intermediate('default'), 0, -1)).toEqual(['a']);
  });
});
