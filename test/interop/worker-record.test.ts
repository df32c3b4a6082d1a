import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { describeWithPython } from '../support/python.js';
import { until } from '../support/until.js';
import { TwoSides } from './two-sides.js';

describeWithPython("a Node worker's record in Python's hands", ['2.12', '1.16'], (version) => {
  let sides: TwoSides;
  beforeAll(async () => {
    sides = await TwoSides.meet(version);
  });
  afterEach(() => sides.stopWorkers());
  afterAll(() => sides?.part());

  const read = (name: string) =>
    sides.python.run<Record<string, unknown>>(
      `
worker = [w for w in Worker.all(r) if w.name == name][0]
job = worker.get_current_job_id()
return {
    'state': worker.get_state(),
    'job': job and (job.decode() if isinstance(job, bytes) else job),
    'fetched': job and worker.serializer and fetch(worker.get_current_job_id()).id,
    'working': worker.current_job_working_time,
    'shutdown': bool(worker.shutdown_requested_date),
    'address': worker.ip_address,
    'version': worker.version,
}`,
      { name },
    );

  it('38: shows the current job where it was asked to, the address, and a wish to stop', async () => {
    const worker = await sides.boot({
      queues: ['shown'],
      name: 'shown',
      isolation: 'inline',
      publishCurrentJob: true,
    });
    const job = await sides.rq.queue('shown').enqueue('nodejobs.hang', 60_000);
    await until('the job is shown', () => sides.redis.hget('rq:worker:shown', 'current_job'));
    expect(await read('shown')).toEqual({
      state: 'busy',
      job: job.id,
      fetched: job.id,
      working: expect.any(Number),
      shutdown: false,
      address: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      version: 'rxrq',
    });
    const stopping = worker.stop();
    await until('it says so', async () => (await read('shown')).shutdown);
    await job.cancel();
    await stopping;
  });

  if (version === '1.16') {
    it('49: a job whose lease a cleaner of Python has dropped is run by the next worker', async () => {
      const { rq, redis, python } = sides;
      const job = await rq.queue('dropped').enqueue('both.side');
      await redis
        .multi()
        .lpop('rq:queue:dropped')
        .hset(`rq:job:${job.id}`, 'status', 'started', 'x_attempt', 1)
        .hset(`rq:job:${job.id}`, 'started_at', '2026-01-02T03:04:05.000000Z')
        .zadd('rq:wip:dropped', 1, `${job.id}:${'e'.repeat(32)}`)
        .exec();
      await python.run("Worker([queue('dropped')], connection=r).clean_registries()");
      expect(await redis.zcard('rq:wip:dropped')).toBe(0);
      expect((await job.fetch()).status).toBe('started');
      await redis.del('rxrq:sweep');
      await sides.boot({ queues: ['dropped'], isolation: 'inline', wire: { narrowLeaseMs: 800 } });
      expect(await job.result({ timeoutMs: 10_000 })).toBe('node');
      expect((await job.fetch()).attempt).toBe(2);
    });
  }

  it('38: keeps it to itself where it was not, and takes it away when it is over', async () => {
    await sides.boot({ queues: ['hidden'], name: 'hidden', isolation: 'inline' });
    const job = await sides.rq.queue('hidden').enqueue('nodejobs.hang', 60_000);
    await until('it is busy', async () => (await read('hidden')).state === 'busy');
    expect(await sides.redis.hexists('rq:worker:hidden', 'current_job')).toBe(0);
    expect(await read('hidden')).toMatchObject({ job: null, working: 0, shutdown: false });
    await job.cancel();
    await until('it is idle', async () => (await read('hidden')).state === 'idle');
    expect(await sides.redis.exists('rq:worker:hidden')).toBe(1);
  });
});
