import { describe, expect, it } from '@jest/globals';
import { keys } from '../../src/redis/keys.js';
import { until } from '../support/until.js';
import { begun, linesOf, Rig } from './support/rig.js';

const rig = new Rig();

describe.each(['pool', 'inline', 'fork-per-job'] as const)('a burst, %s', (isolation) => {
  it('runs what is there, to the last retry, and leaves', async () => {
    const sums = await Promise.all([1, 2, 3].map((n) => rig.enqueue('add', [n, n])));
    const failing = await rig.enqueue('fails', [], { retry: { max: 1 } });
    const { worker } = await rig.start({ burst: true, isolation, concurrency: 2 });
    expect(await worker.done).toEqual({ finished: 3, failed: 1, left: [] });
    expect(await Promise.all(sums.map((job) => job.result({ timeoutMs: 1_000 })))).toEqual([
      2, 4, 6,
    ]);
    expect(await rig.kindsOf(failing)).toEqual([
      'enqueued',
      'started',
      'failed',
      'retried',
      'started',
      'failed',
      'quarantined',
    ]);
    expect(await rig.client.smembers(keys.workers)).toEqual([]);
    expect(await rig.wip()).toBe(0);
  });
});

describe('queues', () => {
  it('are worked on in strict order, each from its head', async () => {
    const path = rig.path();
    const note = (text: string) => ({ name: 'tasks.notes', args: [path, text] });
    await rig.queue('low').enqueueMany(['l1', 'l2', 'l3'].map(note));
    await rig.queue('high').enqueueMany(['h1', 'h2', 'h3'].map(note));
    const { worker } = await rig.start({ queues: ['high', 'low'], burst: true });
    await worker.done;
    expect(linesOf(path)).toEqual(['h1', 'h2', 'h3', 'l1', 'l2', 'l3']);
  });
});

describe('a worker for a number of jobs', () => {
  it.each([1, 3])('runs %i, claims no other, and leaves', async (maxJobs) => {
    const jobs = await rig.enqueueMany(10, 'noop');
    const { worker, claimed } = await rig.start({ maxJobs, concurrency: 2 });
    expect(await worker.done).toEqual({ finished: maxJobs, failed: 0, left: [] });
    expect(claimed.toSorted()).toEqual(
      jobs
        .slice(0, maxJobs)
        .map(({ id }) => id)
        .toSorted(),
    );
    expect(await rig.queue().length()).toBe(10 - maxJobs);
  });
});

describe('a job that nobody here can run', () => {
  it('is passed on a few times, longer kept each time, then quarantined', async () => {
    const [job] = await rig.queue().enqueueMany([{ name: 'nobody.knows' }]);
    if (!job) throw new Error('it was enqueued');
    const { worker } = await rig.start();
    await until('it is quarantined', async () => (await rig.kindsOf(job)).includes('quarantined'));
    const story = (await rig.story()).filter(({ jobId }) => jobId === job.id);
    expect(story.map(({ kind }) => kind)).toEqual([
      'enqueued',
      ...['started', 'handedBack', 'started', 'handedBack', 'started', 'handedBack'],
      'started',
      'quarantined',
    ]);
    expect(story.at(-1)).toMatchObject({ reason: 'no handler "nobody.knows" in this worker' });
    const keptMs = [1, 3, 5].map((at) => (story[at + 1]?.at ?? 0) - (story[at]?.at ?? 0));
    expect(keptMs[0]).toBeGreaterThanOrEqual(190);
    expect(keptMs[1]).toBeGreaterThan(keptMs[0] as number);
    expect(keptMs[2]).toBeGreaterThan(keptMs[1] as number);
    expect((await worker.stop()).failed).toBe(1);
  });

  it('takes nobody else’s place meanwhile, and goes on at once when the worker leaves', async () => {
    await rig.queue().enqueueMany(Array.from({ length: 5 }, () => ({ name: 'nobody.knows' })));
    const job = await rig.enqueue('add', [2, 3]);
    const { worker, settled } = await rig.start();
    expect(await job.result({ timeoutMs: 5_000 })).toBe(5);
    expect(settled.filter(({ outcome }) => outcome.kind === 'unknownHandler')).toEqual([]);
    expect((await worker.stop()).left).toEqual([]);
    expect(await rig.queue().length()).toBe(5);
    expect(await rig.wip()).toBe(0);
  });
});

describe('a reason that is no JSON', () => {
  it('does not keep the job, nor the others, from being settled', async () => {
    const odd = await rig.enqueue('failsOddly');
    const next = await rig.enqueue('add', [1, 1]);
    const { worker } = await rig.start({ burst: true });
    expect(await worker.done).toEqual({ finished: 1, failed: 1, left: [] });
    expect(await next.result({ timeoutMs: 1_000 })).toBe(2);
    expect((await odd.fetch()).status).toBe('failed');
  });
});

describe('what a running job says of itself', () => {
  it.each(['pool', 'inline'] as const)('reaches Redis and the event log, %s', async (isolation) => {
    const [path, gate] = [rig.path(), rig.gate()];
    const job = await rig.enqueue('tells', [path, gate.path]);
    await rig.start({ isolation });
    await begun(path);
    await until('the first words arrived', async () => (await rig.kindsOf(job)).includes('logged'));
    expect((await job.fetch()).meta).toEqual({ page: 3 });
    expect(await rig.client.hget(keys.job(job.id), 'x_progress')).toBe('{"done":0.5}');
    gate.open();
    await job.result({ timeoutMs: 5_000 });
    expect((await job.fetch()).meta).toEqual({ page: 4 });
    const story = await rig.story();
    expect(story).toContainEqual(
      expect.objectContaining({
        kind: 'logged',
        jobId: job.id,
        lines: [{ level: 'warn', line: 'half way' }],
      }),
    );
    expect(story.flatMap((event) => (event.kind === 'progressed' ? [event.progress] : []))).toEqual(
      [{ done: 0.5 }, { done: 1 }],
    );
  });

  it('is refused once its execution does not hold the job any more', async () => {
    const [path, gate] = [rig.path(), rig.gate()];
    const job = await rig.enqueue('tells', [path, gate.path]);
    await rig.start();
    await begun(path);
    await until('the first words arrived', async () => (await rig.kindsOf(job)).includes('logged'));
    // As if another worker had recovered it.
    await rig.client.del(keys.wip('default'));
    gate.open();
    await until('its outcome came', async () => (await rig.kindsOf(job)).includes('lost'));
    expect((await job.fetch()).meta).toEqual({ page: 3 });
    expect(await rig.client.hget(keys.job(job.id), 'x_progress')).toBe('{"done":0.5}');
  });
});

describe.each(['pool', 'inline'] as const)('a running job, %s', (isolation) => {
  const wire = { narrowLeaseMs: 800 };

  it('is aborted within a heartbeat when it is canceled', async () => {
    const [path, gate] = [rig.path(), rig.gate()];
    const job = await rig.enqueue('waitForGate', [path, gate.path]);
    const { settled } = await rig.start({ isolation, wire });
    await begun(path);
    await job.cancel();
    await until('it was told', () => linesOf(path).includes(`aborted ${job.id}: canceled`), {
      deadlineMs: 1_000,
    });
    await until('it is settled', () => settled.length > 0);
    expect(settled[0]).toMatchObject({ outcome: { kind: 'stopped' }, verdict: 'canceled' });
    expect((await job.fetch()).status).toBe('canceled');
  });

  it('is aborted within a heartbeat when it is deleted, and nothing of it comes back', async () => {
    const [path, gate] = [rig.path(), rig.gate()];
    const job = await rig.enqueue('waitForGate', [path, gate.path]);
    const { settled } = await rig.start({ isolation, wire });
    await begun(path);
    await job.delete();
    await until('it was told', () => linesOf(path).includes(`aborted ${job.id}: deleted`), {
      deadlineMs: 1_000,
    });
    await until('it is settled', () => settled.length > 0);
    expect(settled[0]).toMatchObject({ outcome: { kind: 'stopped' }, verdict: 'gone' });
    expect(await rig.client.exists(keys.job(job.id))).toBe(0);
    expect(await rig.wip()).toBe(0);
  });
});
