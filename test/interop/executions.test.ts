import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { describeWithPython, startPython } from '../support/python.js';
import { until } from '../support/until.js';
import { pythonEnvironment } from './python-hand.js';
import { TwoSides } from './two-sides.js';

/** What RQ says of a job's executions; 1.x knows none. */
const executionsInPython = `
return [[one.job_id, one.id, one.worker_name] for one in fetch(id).get_executions()]`;

describeWithPython('what a worker runs, seen from both sides', ['2.12', '1.16'], (version) => {
  let sides: TwoSides;
  let running: ReturnType<typeof startPython> | undefined;
  beforeAll(async () => {
    sides = await TwoSides.meet(version);
  });
  afterEach(async () => {
    await running?.stop();
    running = undefined;
    await sides.stopWorkers();
  });
  afterAll(() => sides?.part());

  it('is the same for a job of Python that runs on Node', async () => {
    const { rq, redis, python } = sides;
    const { name } = await sides.boot({
      queues: ['idle', 'node'],
      isolation: 'inline',
      concurrency: 2,
      wire: { narrowLeaseMs: 1_000 },
    });
    expect(await rq.executionsOf(name)).toEqual([]);
    const ids = await python.run<string[]>(
      "return [queue('node').enqueue('nodejobs.hang', 60_000).id for _ in range(2)]",
    );
    const found = await until('both run', async () => {
      const all = await rq.executionsOf(name);
      return all.length === 2 && all;
    });
    expect(found.map(({ jobId }) => jobId).sort()).toEqual([...ids].sort());
    for (const { jobId, execution, queue } of found) {
      expect(queue).toBe('node');
      expect(await redis.zscore('rq:wip:node', `${jobId}:${execution}`)).not.toBeNull();
      if (version === '1.16') continue;
      // Its record comes with the first heartbeat.
      const seen = await until('Python sees it', async () => {
        const all = await python.run<string[][]>(executionsInPython, { id: jobId });
        return all.length > 0 && all;
      });
      expect(seen).toEqual([[jobId, execution, name]]);
    }
    expect(await rq.executionsOf('somebody-else')).toEqual([]);
    for (const id of ids) await rq.queue('node').job(id).cancel();
    await until('they are over', async () => (await rq.executionsOf(name)).length === 0);
  });

  it('is the same for a job of Node that runs on Python', async () => {
    const { rq, redis, python, url } = sides;
    const job = await rq.queue('python').enqueue('both.hang', 'pid-of-python');
    await rq.queue('python').enqueue('both.side');
    const name = `hand-${version}`;
    const serializer = 'rq.serializers.JSONSerializer';
    const args = ['-m', 'rq.cli', 'worker', 'python', '-S', serializer, '--name', name];
    running = startPython(version, args, pythonEnvironment(url));
    const horse = await until('its horse runs', () => redis.get('pid-of-python'));
    const found = await rq.executionsOf(name);
    expect(found).toEqual([{ jobId: job.id, execution: expect.any(String), queue: 'python' }]);
    const [{ execution }] = found as [(typeof found)[0]];
    if (version === '1.16') expect(execution).toBe('');
    else {
      const seen = await python.run(executionsInPython, { id: job.id });
      expect(seen).toEqual([[job.id, execution, name]]);
    }
    process.kill(Number(horse), 'SIGKILL');
    await until('it is over', async () => (await rq.executionsOf(name)).length === 0);
  });
});
