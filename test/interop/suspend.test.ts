import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { describeWithPython } from '../support/python.js';
import { until } from '../support/until.js';
import { TwoSides } from './two-sides.js';

describeWithPython('suspended workers, on both sides', ['2.12', '1.16'], (version) => {
  let sides: TwoSides;
  beforeAll(async () => {
    sides = await TwoSides.meet(version);
  });
  afterEach(async () => {
    await sides.stopWorkers();
    await sides.redis.del('rq:suspended');
  });
  afterAll(() => sides?.part());

  const cli = (...args: string[]) => sides.python.run<string>('return cli(*args)', { args });
  const stateOf = (name: string) => sides.redis.hget(`rq:worker:${name}`, 'state');

  it('29: `rq suspend`: Node takes nothing, says so, and goes on after `rq resume`', async () => {
    const queue = sides.rq.queue('suspended');
    const told: boolean[] = [];
    await sides.boot({
      queues: ['suspended'],
      name: 'suspended',
      isolation: 'inline',
      on: { onSuspended: (isSuspended) => told.push(isSuspended) },
    });
    const running = await queue.enqueue('nodejobs.hang', 300);
    await until('it runs', async () => (await running.fetch()).status === 'started');
    await cli('suspend');
    const jobs = await queue.enqueueMany(
      [1, 2, 3].map((n) => ({ name: 'nodejobs.add', args: [n] })),
    );
    expect(await running.result({ timeoutMs: 5_000 })).toBe('hung on');
    await until('it says so', async () => (await stateOf('suspended')) === 'suspended');
    expect(await sides.python.run('return Worker.all(r)[0].get_state()')).toBe('suspended');
    expect(await queue.ids()).toEqual(jobs.map(({ id }) => id));
    const ids = jobs.map(({ id }) => id);
    for (const id of ids) expect((await queue.job(id).fetch()).attempt).toBe(0);
    const sinceMs = performance.now();
    await cli('resume');
    for (const job of jobs) await job.result({ timeoutMs: 5_000 });
    expect(performance.now() - sinceMs).toBeLessThan(4_000);
    expect(told).toEqual([true, false]);
    await until('it is idle', async () => (await stateOf('suspended')) === 'idle');
  });

  it('29: an end by time, and workers in a burst', async () => {
    const queue = sides.rq.queue('burst');
    await queue.enqueue('nodejobs.add', 1);
    await cli('suspend', '--duration', '100');
    expect(await sides.rq.isSuspended()).toBe(true);
    await sides.burst('burst', { isolation: 'inline' });
    expect(await queue.length()).toBe(1);
    await sides.redis.pexpire('rq:suspended', 50);
    await sides.boot({ queues: ['burst'], isolation: 'inline' });
    await until('it was run', async () => (await queue.length()) === 0);
  });

  it('29: Node suspends, and Python takes nothing', async () => {
    const queue = sides.rq.queue('pysuspended');
    await queue.enqueueWith({ serializer: 'pickle' }, 'time.time');
    await sides.rq.suspend({ seconds: 60 });
    expect(
      await sides.python.run(
        'from rq.suspension import is_suspended\nreturn bool(is_suspended(r))',
      ),
    ).toBe(true);
    await sides.python.run("work('pysuspended', 'pickle')");
    expect(await queue.length()).toBe(1);
    expect(await sides.rq.resume()).toBe(true);
    await sides.python.run("work('pysuspended', 'pickle')");
    expect(await queue.length()).toBe(0);
  });
});
