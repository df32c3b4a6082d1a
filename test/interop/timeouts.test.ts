import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { describeWithPython } from '../support/python.js';
import { TwoSides } from './two-sides.js';

describeWithPython('a timeout that is over', ['2.12', '1.16'], (version) => {
  let sides: TwoSides;
  beforeAll(async () => {
    sides = await TwoSides.meet(version);
  });
  afterEach(() => sides.stopWorkers());
  afterAll(() => sides?.part());

  const exceeded = /JobTimeoutException: Task exceeded maximum timeout value \(1 seconds\)/;

  it('55: ends a Node job on a Python worker, in the time that Node gave it', async () => {
    const { rq, python } = sides;
    const queue = rq.queue('to-python');
    const job = await queue.enqueueWith({ timeout: '1s' }, 'time.sleep', 50);
    // Its own limit, and not the worker's: the next one has more.
    const next = await queue.enqueueWith({ timeout: '1m' }, 'time.sleep', 1.2);
    await python.run(`work('to-python')`);
    await expect(job.result({ timeoutMs: 5_000 })).rejects.toThrow(exceeded);
    const record = await job.fetch();
    expect(record.status).toBe('failed');
    const ranMs = (record.endedAt?.getTime() ?? 0) - (record.startedAt?.getTime() ?? 0);
    expect(ranMs).toBeGreaterThanOrEqual(1_000);
    expect(ranMs).toBeLessThan(10_000);
    expect(await next.result({ timeoutMs: 5_000 })).toBeNull();
    expect(await queue.counts()).toMatchObject({ finished: 1, failed: 1, started: 0 });
  });

  it('55: is one of each attempt: a Node job is retried by Python, and fails of the last one', async () => {
    const retry = { max: 1 };
    const job = await sides.rq
      .queue('again')
      .enqueueWith({ timeout: '1s', retry }, 'time.sleep', 50);
    await sides.python.run(`work('again')`);
    await expect(job.result({ timeoutMs: 5_000 })).rejects.toThrow(exceeded);
    expect(await job.fetch()).toMatchObject({ status: 'failed', retriesLeft: 0 });
  });

  // `hang` ends by its signal; `block` hears nothing, and can only be killed.
  it.each([
    ['inline', 'nodejobs.hang'],
    ['pool', 'nodejobs.hang'],
    ['pool', 'nodejobs.block'],
  ] as const)('55: ends a Python job on a Node worker (%s, %s)', async (isolation, name) => {
    const { python, rq } = sides;
    const queue = `to-node-${isolation}-${name}`;
    const ids = await python.run<[string, string]>(
      `
q = queue(name)
return [q.enqueue(call, 50_000, job_timeout=1).id, q.enqueue(call, 1_200, job_timeout='1m').id]`,
      { name: queue, call: name },
    );
    await sides.burst(queue, { isolation, killGraceMs: 200 });
    const [over, next] = await python.run<Array<Record<string, string>>>(
      'return [seen(id) for id in ids]',
      { ids },
    );
    expect(over).toMatchObject({ status: 'failed', type: 'FAILED', value: null });
    expect(over?.exc).toMatch(exceeded);
    expect(next).toMatchObject({ status: 'finished', type: 'SUCCESSFUL' });
    const { startedAt, endedAt } = (await rq.fetch(ids[0])).record;
    const ranMs = (endedAt?.getTime() ?? 0) - (startedAt?.getTime() ?? 0);
    expect(ranMs).toBeGreaterThanOrEqual(1_000);
    expect(ranMs).toBeLessThan(20_000);
    expect(await python.run('return counts(name)', { name: queue })).toMatchObject({
      finished: 1,
      failed: 1,
      started: 0,
    });
  });
});
