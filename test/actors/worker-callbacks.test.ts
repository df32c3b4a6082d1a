import { describe, expect, it } from '@jest/globals';
import type { JobOptions } from '../../src/redis/job-options.js';
import { keys } from '../../src/redis/keys.js';
import type { Job } from '../../src/streams/job.js';
import { until } from '../support/until.js';
import { fixture, linesOf, Rig } from './support/rig.js';

const rig = new Rig();
const modules = [fixture('callbacks.js')];

const enqueue = async (name: string, args: unknown[], options: JobOptions): Promise<Job> => {
  const [job] = await rig.queue().enqueueMany([{ name: `callbacks.${name}`, args, options }]);
  return job as Job;
};

const burst = async (options = {}) => {
  const rigged = await rig.start({ burst: true, ...options }, { modules });
  const summary = await rigged.worker.done;
  return { ...rigged, summary };
};

const statusOf = (job: Job) => rig.client.hget(keys.job(job.id), 'status');

describe.each(['pool', 'inline'] as const)('callbacks, %s', (isolation) => {
  it('are called with the job and its result, before it is settled', async () => {
    const path = rig.path();
    const gate = rig.gate();
    const job = await enqueue('works', [path, { words: 3 }], { onSuccess: 'callbacks.onSuccess' });
    const open = await enqueue('works', [path, gate.path], { onSuccess: 'callbacks.onGate' });
    const { worker } = await rig.start({ burst: true, isolation }, { modules });
    await until('the callback waits', () => linesOf(path).includes('gate'));
    expect(await statusOf(open)).toBe('started');
    gate.open();
    expect(await worker.done).toEqual({ finished: 2, failed: 0, left: [] });
    expect(linesOf(path)).toContain('success true {"words":3} {}');
    expect(await job.result({ timeoutMs: 0 })).toEqual({ words: 3 });
    expect(await rig.kindsOf(job)).toEqual(['enqueued', 'started', 'finished']);
  });

  it('are called with the error for every attempt that failed', async () => {
    const path = rig.path();
    const job = await enqueue('breaks', [path, 'no'], {
      onFailure: 'callbacks.onFailure',
      retry: { max: 1 },
    });
    const { summary } = await burst({ isolation });
    expect(summary).toEqual({ finished: 0, failed: 1, left: [] });
    const failure = 'failure true TypeError: no';
    expect(linesOf(path)).toEqual(['begun 1', failure, 'begun 2', failure]);
    expect((await job.fetch()).excInfo).toMatch(/^TypeError: no/);
  });

  it('fail the job when they fail after a success, and then call for the failure', async () => {
    const path = rig.path();
    const job = await enqueue('works', [path, 1], {
      onSuccess: 'callbacks.onBreak',
      onFailure: { call: 'callbacks.onFailure', timeout: '5s' },
    });
    await burst({ isolation });
    expect(linesOf(path)).toEqual([
      'begun',
      'breaking',
      'failure true CallbackError: success callback callbacks.onBreak failed: the callback broke',
    ]);
    const record = await job.fetch();
    expect(record.status).toBe('failed');
    expect(record.excInfo).toMatch(/onBreak failed: the callback broke\nRangeError/);
  });

  it('are told of, and no more, when they fail after a failure', async () => {
    const path = rig.path();
    const job = await enqueue('breaks', [path, 'no'], { onFailure: 'callbacks.onBreak' });
    const lost = await enqueue('breaks', [path, 'no'], { onFailure: 'nobody.knows' });
    const { troubles } = await burst({ isolation });
    expect((await job.fetch()).excInfo).toMatch(/^TypeError: no/);
    expect(await statusOf(lost)).toBe('failed');
    expect(troubles.map(String).sort()).toEqual([
      `CallbackFailedError: The failure callback callbacks.onBreak of job ${job.id} failed: the callback broke`,
      `CallbackFailedError: The failure callback nobody.knows of job ${lost.id} failed: no handler "nobody.knows" in this worker`,
    ]);
  });

  it('have a time of their own', async () => {
    const path = rig.path();
    const job = await enqueue('works', [path, 1], {
      timeout: 1,
      onSuccess: { call: 'callbacks.onHang', timeoutSeconds: 1 },
    });
    await burst({ isolation, killGraceMs: 20 });
    const { excInfo, status } = await job.fetch();
    expect(status).toBe('failed');
    expect(excInfo).toMatch(/success callback callbacks.onHang failed: .*\(1 seconds\)/);
  });

  it('begin with the meta that the job saved', async () => {
    const path = rig.path();
    await enqueue('marks', [path], { meta: { a: 1 }, onSuccess: 'callbacks.onSuccess' });
    await burst({ isolation });
    expect(linesOf(path)).toEqual(['begun', 'success true null {"a":1,"step":1}']);
  });

  it('of a job that was stopped are called after it was settled', async () => {
    const path = rig.path();
    const job = await enqueue('waits', [path], { onStopped: 'callbacks.onStopped' });
    const { worker } = await rig.start({ isolation, killGraceMs: 20 }, { modules });
    await until('the job runs', () => linesOf(path).includes('begun'));
    await job.stop();
    await until('it was called', () => linesOf(path).includes('stopped 0'));
    expect(await statusOf(job)).toBe('stopped');
    await worker.stop();
  });
});

describe('callbacks with a child for each job', () => {
  it('run in a child of their own', async () => {
    const path = rig.path();
    const good = await enqueue('works', [path, 1], { onSuccess: 'callbacks.onSuccess' });
    const bad = await enqueue('breaks', [path, 'no'], { onFailure: 'callbacks.onFailure' });
    const { summary } = await burst({ isolation: 'fork-per-job' });
    expect(summary).toEqual({ finished: 1, failed: 1, left: [] });
    expect(linesOf(path)).toEqual(
      expect.arrayContaining(['success true 1 {}', 'failure true TypeError: no']),
    );
    expect([await statusOf(good), await statusOf(bad)]).toEqual(['finished', 'failed']);
  });
});

describe('callbacks of a worker that leaves', () => {
  it('still run, in the grace of their jobs', async () => {
    const path = rig.path();
    const gate = rig.gate();
    const job = await enqueue('works', [path, gate.path], { onSuccess: 'callbacks.onGate' });
    const { worker } = await rig.start({}, { modules });
    await until('the callback waits', () => linesOf(path).includes('gate'));
    const stopped = worker.stop({ graceMs: 60_000 });
    gate.open();
    expect(await stopped).toEqual({ finished: 1, failed: 0, left: [] });
    expect(await job.result({ timeoutMs: 0 })).toBe(gate.path);
  });

  it('run after their job has ended in the grace', async () => {
    const path = rig.path();
    const gate = rig.gate();
    const slow = await enqueue('waitsFor', [path, gate.path], { onSuccess: 'callbacks.onSuccess' });
    const { worker } = await rig.start({}, { modules });
    await until('the job runs', () => linesOf(path).includes('begun'));
    const stopped = worker.stop({ graceMs: 60_000 });
    gate.open();
    expect(await stopped).toEqual({ finished: 1, failed: 0, left: [] });
    expect(linesOf(path)).toEqual(['begun', 'success true "waited" {}']);
    expect(await statusOf(slow)).toBe('finished');
  });

  it('are cut off when the grace is over: the job goes back, and runs again', async () => {
    const path = rig.path();
    const job = await enqueue('works', [path, 'no such gate'], { onSuccess: 'callbacks.onGate' });
    const { worker } = await rig.start({ killGraceMs: 20 }, { modules });
    await until('the callback waits', () => linesOf(path).includes('gate'));
    await worker.stop({ graceMs: 0 });
    expect(await statusOf(job)).toBe('queued');
    expect(await rig.wip()).toBe(0);
  });
});

describe('a child that dies', () => {
  it('with the job leaves the failure callback to another', async () => {
    const path = rig.path();
    const job = await enqueue('dies', [path], { onFailure: 'callbacks.onFailure' });
    await burst();
    expect(linesOf(path)).toEqual([
      'begun',
      expect.stringMatching(/^failure true ExecutorDiedError: .*SIGKILL/),
    ]);
    expect(await statusOf(job)).toBe('failed');
  });
});

describe('a job with a callback', () => {
  it('keeps its executor until that has run, whatever else waits', async () => {
    const path = rig.path();
    const gate = rig.gate();
    const jobs = await rig.queue().enqueueMany([
      {
        name: 'callbacks.works',
        args: [path, 1],
        options: { onSuccess: 'callbacks.onSuccess' },
      },
      { name: 'callbacks.waitsFor', args: [path, gate.path] },
    ]);
    const { worker } = await rig.start({ burst: true }, { modules });
    await until('the second has begun', () => linesOf(path).length === 3);
    expect(linesOf(path)).toEqual(['begun', 'success true 1 {}', 'begun']);
    await until(
      'the first is finished',
      async () => (await statusOf(jobs[0] as Job)) === 'finished',
    );
    gate.open();
    await worker.done;
  });

  it('that was canceled meanwhile is not finished by it', async () => {
    const path = rig.path();
    const gate = rig.gate();
    const job = await enqueue('works', [path, gate.path], { onSuccess: 'callbacks.onGate' });
    const { worker, settled } = await rig.start({}, { modules });
    await until('the callback waits', () => linesOf(path).includes('gate'));
    await job.cancel();
    gate.open();
    await until('it is settled', () => settled.length === 1);
    expect(settled[0]?.verdict).toBe('canceled');
    expect(await statusOf(job)).toBe('canceled');
    await worker.stop();
  });

  it('runs many times without losing room', async () => {
    const path = rig.path();
    const options = { onSuccess: 'callbacks.onSuccess' };
    const jobs = Array.from({ length: 60 }, (_, n) => ({
      name: 'callbacks.works',
      args: [path, n],
      options: n % 2 === 0 ? options : {},
    }));
    await rig.queue().enqueueMany(jobs);
    const { summary } = await burst({ concurrency: 2 });
    expect(summary).toEqual({ finished: 60, failed: 0, left: [] });
    expect(linesOf(path).filter((line) => line.startsWith('success'))).toHaveLength(30);
    expect(await rig.wip()).toBe(0);
  });
});
