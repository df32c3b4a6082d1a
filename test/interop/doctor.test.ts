import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { examine } from '../../src/redis/doctor/doctor.js';
import type { Diagnosis } from '../../src/redis/doctor/finding.js';
import { describeWithPython, startPython } from '../support/python.js';
import { until } from '../support/until.js';
import { pythonEnvironment } from './python-hand.js';
import { TwoSides } from './two-sides.js';

describeWithPython('a doctor of mixed fleets', ['2.12', '1.16'], (version) => {
  let sides: TwoSides;
  beforeAll(async () => {
    sides = await TwoSides.meet(version);
  });
  afterAll(() => sides?.part());

  const look = async (): Promise<Map<string, Diagnosis>> => {
    const found = await examine(sides.rq.redis, sides.rq.wire, { intervalMs: 1 });
    return new Map(found.map((one) => [one.check, one]));
  };
  const whatOf = async (check: string): Promise<string | undefined> =>
    (await look()).get(check)?.what;

  it('knows workers, schedulers and releases of both sides', async () => {
    const { rq, python, url } = sides;
    const flag = version === '2.12' ? '--with-scheduler' : '-s';
    const args = ['-m', 'rq.cli', 'worker', 'both', flag, '--name', 'the-python-one'];
    const worker = startPython(version, args, pythonEnvironment(url));
    try {
      await until('the Python worker is idle', async () =>
        (await rq.workers()).some(({ state }) => state === 'idle'),
      );
      expect(await whatOf('workers')).toBe('0 of Node, 1 of Python');
      await sides.boot({ queues: ['both'] });
      const full = version === '2.12' ? '2.12.0' : '1.16.2';
      expect((await look()).get('versions')).toMatchObject({
        level: version === '2.12' ? 'ok' : 'warning',
        what: `1 × RQ ${full}, 1 × rxrq`,
      });
      expect(await whatOf('workers')).toBe('1 of Node, 1 of Python');
      await python.run(
        "from datetime import timedelta\nqueue('both').enqueue_in(timedelta(hours=1), 'pyjobs.add', 1)",
      );
      await until('the scheduler has the lock', () => rq.redis.exists('rq:scheduler-lock:both'));
      // From 2.10 on a scheduler tells of itself; before, the lock has its process id only.
      const holder = version === '2.12' ? /^served: both by \S+ \d+$/ : /^served: both by \d+$/;
      expect(await whatOf('schedulers')).toMatch(holder);
    } finally {
      await worker.stop();
    }
    await sides.stopWorkers();
    expect((await look()).get('schedulers')).toMatchObject({
      level: 'warning',
      what: 'scheduled jobs, and no scheduler: both',
    });
  }, 60_000);

  it('sees what Python leaves: results without an end, its suspension, leases of RQ 1', async () => {
    const { rq, python } = sides;
    const id = await python.run<string>(
      "return queue('left').enqueue('pyjobs.nothing_of_this_name').id",
    );
    await python.run("work('left')");
    const [endless] = [await rq.redis.ttl(`rq:results:${id}`)];
    expect(endless).toBe(-1);
    await python.run('fetch(id).delete()', { id });
    expect((await look()).get('results')).toMatchObject({
      level: 'note',
      what: expect.stringMatching(
        /^1 of \d+ results streams never expire, 1 of them of jobs that are gone$/,
      ),
    });
    await python.run('from rq.suspension import suspend\nsuspend(r, 100)');
    expect(await whatOf('suspension')).toMatch(/^all workers are suspended for \d+ s$/);
    await python.run('from rq.suspension import resume\nresume(r)');
    expect((await look()).get('suspension')?.level).toBe('ok');
    if (version === '1.16') {
      await python.run(`
from rq.registry import StartedJobRegistry
job = queue('left').create_job('pyjobs.add')
job.save()
StartedJobRegistry('left', connection=r).add(job, 1000)`);
      expect(await whatOf('old-leases')).toBe('1 leases without an execution');
    }
  }, 60_000);
});
