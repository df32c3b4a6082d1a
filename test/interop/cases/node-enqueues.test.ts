import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { InvalidNameError, InvalidOptionError, type LifecycleEvent } from '../../../src/index.js';
import { describeWithPython } from '../../support/python.js';
import { until } from '../../support/until.js';
import { TwoSides } from '../two-sides.js';

const soon = { timeoutMs: 10_000 };

describeWithPython('cases 1 to 20, what the other files leave', ['2.12', '1.16'], (version) => {
  let sides: TwoSides;
  beforeAll(async () => {
    sides = await TwoSides.meet(version);
  });
  afterEach(() => sides.stopWorkers());
  afterAll(() => sides?.part());

  it('4: refuses an id that ends a worker of RQ 2.x', async () => {
    const { rq, redis, python } = sides;
    const queue = rq.queue('ids');
    for (const jobId of ['with space', 'a:b', 'é', '', 'a'.repeat(201)]) {
      await expect(queue.enqueueWith({ jobId }, 'pyjobs.add', 1)).rejects.toThrow(InvalidNameError);
    }
    expect(await redis.exists('rq:queue:ids')).toBe(0);

    const model = await queue.enqueue('pyjobs.add', 1);
    const next = await queue.enqueue('pyjobs.add', 2);
    await redis.copy(`rq:job:${model.id}`, 'rq:job:with space');
    await redis.lset('rq:queue:ids', 0, 'with space');
    await python.run("work('ids')");
    if (version === '1.16') {
      expect(await redis.hget('rq:job:with space', 'status')).toBe('finished');
      expect(await next.result(soon)).toBe(2);
      return;
    }
    // The worker has gone home: the id stays in flight, and what is behind it waits.
    expect(await redis.lrange('rq:queue:ids:intermediate', 0, -1)).toEqual(['with space']);
    expect(await queue.ids()).toEqual([next.id]);
    expect(await redis.hget('rq:job:with space', 'status')).toBe('queued');

    // A Node worker that has no handler for the next one: a burst leaves it, and puts this one aside with a reason.
    const aside: LifecycleEvent[] = [];
    const events = queue.events$.subscribe((event) => {
      if (event.kind === 'quarantined') aside.push(event);
    });
    await redis.lmove('rq:queue:ids:intermediate', 'rq:queue:ids', 'LEFT', 'LEFT');
    await sides.burst('ids', { isolation: 'inline' });
    await until('it is aside', () => aside.length > 0);
    events.unsubscribe();
    expect(aside).toEqual([
      expect.objectContaining({ jobId: 'with space', reason: 'not an id that RQ accepts' }),
    ]);
    await python.run("work('ids')");
    expect(await next.result(soon)).toBe(2);
  });

  it('6: writes a timeout as whole seconds, and refuses what is none', async () => {
    const { rq, redis, python } = sides;
    const queue = rq.queue('timeouts');
    for (const timeoutSeconds of [1.5, '5m' as unknown as number, 0, -2, Number.NaN]) {
      await expect(queue.enqueueWith({ timeoutSeconds }, 'pyjobs.look')).rejects.toThrow(
        InvalidOptionError,
      );
    }
    expect(await redis.exists('rq:queue:timeouts')).toBe(0);
    const job = await queue.enqueueWith({ timeoutSeconds: 300 }, 'pyjobs.look');
    expect(await redis.hget(`rq:job:${job.id}`, 'timeout')).toBe('300');
    await python.run("work('timeouts')");
    expect(await job.result(soon)).toMatchObject({ timeout: 300 });
    // Written as they were given, Python could not read the job.
    for (const text of ['1.5', '5m']) {
      await redis.hset(`rq:job:${job.id}`, 'timeout', text);
      await expect(python.run('fetch(id)', { id: job.id })).rejects.toThrow(/ValueError/);
    }
    await job.delete();
  });

  it('14: waits one and then five seconds between its attempts, and fails with none left', async () => {
    const { rq, redis, python } = sides;
    const queue = rq.queue('pauses');
    const retry = { max: 2, intervalsSeconds: [1, 5] };
    const job = await queue.enqueueWith({ retry }, 'pyjobs.fail', 'again');
    const work = `
before = rq.utils.current_timestamp()
work('pauses')
return [before, rq.utils.current_timestamp()]`;
    for (const pause of retry.intervalsSeconds) {
      const [before, after] = await python.run<[number, number]>(work);
      const due = Number(await redis.zscore('rq:scheduled:pauses', job.id));
      // RQ cuts the fraction off.
      expect(due).toBeGreaterThanOrEqual(before + pause - 1);
      expect(due).toBeLessThanOrEqual(after + pause);
      await redis.zadd('rq:scheduled:pauses', 'XX', 1, job.id);
      await python.run(`
from rq.scheduler import RQScheduler
scheduler = RQScheduler(['pauses'], connection=r, serializer=JSONSerializer)
scheduler.acquire_locks()
scheduler.enqueue_scheduled_jobs()
scheduler.release_locks()`);
    }
    await python.run(work);
    expect(await job.fetch()).toMatchObject({ status: 'failed', retriesLeft: 0 });
    await expect(job.result(soon)).rejects.toThrow(/again/);
  });

  if (version === '2.12') {
    it('31: is put to the front by Python when it fails and Node asked for it', async () => {
      const { rq, python, redis } = sides;
      const queue = rq.queue('front');
      const toEnd = await queue.enqueueWith({ retry: { max: 1 } }, 'pyjobs.fail', 'end');
      const retry = { max: 1, atFront: true };
      const toFront = await queue.enqueueWith({ retry }, 'pyjobs.fail', 'front');
      const last = await queue.enqueue('pyjobs.add', 1);
      expect(await redis.hget(`rq:job:${toFront.id}`, 'enqueue_at_front_on_retry')).toBe('1');
      const facts = 'return [fetch(id).enqueue_at_front_on_retry for id in ids]';
      const ids = [toEnd.id, toFront.id];
      expect(await python.run(facts, { ids })).toEqual([false, true]);
      await python.run(`
worker = Worker([queue('front')], connection=r, serializer=JSONSerializer)
worker.log.setLevel(logging.CRITICAL)
worker.work(burst=True, max_jobs=2, logging_level='CRITICAL')`);
      // The first and the second failed once, and only the second came back at once.
      expect(await queue.ids()).toEqual([toFront.id, last.id, toEnd.id]);
      await python.run("work('front')");
      expect(await last.result(soon)).toBe(1);
      expect((await toFront.fetch()).retriesLeft).toBe(0);
    });
  }
});
