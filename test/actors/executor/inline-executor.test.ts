import { describe, expect, it } from '@jest/globals';
import { InlineExecutor } from '../../../src/actors/executor/inline-executor.js';
import { loadHandlers } from '../../../src/actors/handlers/load-handlers.js';
import { fixture, job, Ledger, until } from './support/lab.js';

const startInline = async (concurrency: number, graceMs = 50) => {
  const ledger = new Ledger();
  const disposed: string[] = [];
  const executor = new InlineExecutor(
    {
      concurrency,
      graceMs,
      runtime: async () => ({
        handlers: await loadHandlers([fixture('jobs.js')]),
        dispose: () => void disposed.push('disposed'),
      }),
    },
    ledger.events,
  );
  await executor.start();
  const run = (given: ReturnType<typeof job>) => {
    const end = ledger.endOf(given);
    executor.run([given]);
    return end;
  };
  return { executor, ledger, run, disposed };
};

describe('the inline executor', () => {
  it('runs as many at once as it may, the others in order after them', async () => {
    const { executor, ledger } = await startInline(2);
    executor.run([job('wait', [120]), job('wait', [120]), job('add', [1, 1])]);
    expect(executor.held).toBe(3);
    await until('two have begun', () => ledger.begun.length === 2);
    expect(ledger.ended.length).toBe(0);
    await until('all ended', () => ledger.ended.length === 3);
    expect(executor.jobsDone).toBe(3);
    await executor.stop({ graceMs: 0 });
  });

  it('gives the outcomes of short jobs in batches, each job once', async () => {
    const { executor, ledger } = await startInline(10);
    const jobs = Array.from({ length: 500 }, (_, i) => job('add', [i, 0]));
    executor.run(jobs);
    await until('all ended', () => ledger.ended.length === 500);
    expect(new Set(ledger.ended.map((ended) => ended.job.jobId)).size).toBe(500);
    expect(ledger.batches.length).toBeLessThanOrEqual(10);
    await executor.stop({ graceMs: 0 });
  });

  it('keeps the context of each job', async () => {
    const { executor, ledger } = await startInline(50);
    const jobs = Array.from({ length: 50 }, (_, i) => job('contextAfterAwait', [i % 5]));
    executor.run(jobs);
    await until('all ended', () => ledger.ended.length === 50);
    for (const { job: own, outcome } of ledger.ended) {
      expect(JSON.parse(String(outcome.result))).toBe(own.jobId);
    }
    await executor.stop({ graceMs: 0 });
  });

  it('aborts at the limit, and abandons who does not hear', async () => {
    const { executor, run, ledger } = await startInline(1);
    expect((await run(job('waitForAbort', [], { timeoutMs: 60 }))).outcome.kind).toBe('timedOut');
    const deaf = job('wait', [400], { timeoutMs: 60 });
    expect((await run(deaf)).outcome).toEqual({ kind: 'timedOut', limitMs: 60 });
    expect((await run(job('add', [1, 1]))).outcome.kind).toBe('returned');
    await run(job('wait', [500]));
    expect(ledger.endings(deaf)).toBe(1);
    await executor.stop({ graceMs: 0 });
  });

  it('stops a running job and drops a waiting one', async () => {
    const { executor, run } = await startInline(1);
    const running = job('waitForAbort');
    const waiting = job('noop');
    const [ranOut, waited] = [run(running), run(waiting)];
    executor.cancel(waiting.execution, 'deleted');
    executor.cancel(running.execution, 'canceled');
    expect((await ranOut).outcome).toEqual({ kind: 'stopped', reason: 'canceled' });
    expect((await waited).outcome).toEqual({ kind: 'stopped', reason: 'deleted' });
    await executor.stop({ graceMs: 0 });
  });

  it('tells notes before the end, and nothing after it', async () => {
    const { executor, run, ledger } = await startInline(1);
    await run(job('countsUp'));
    const notes = ledger.notes.flatMap(({ note }) => Object.keys(note));
    expect(notes.sort()).toEqual(['log', 'meta', 'progress']);
    await executor.stop({ graceMs: 0 });
  });

  it('stops: waiting jobs go back, running ones have the grace', async () => {
    const { executor, ledger, disposed } = await startInline(2);
    executor.run([job('wait', [60]), job('waitForAbort'), job('noop')]);
    const exit = await executor.stop({ graceMs: 150 });
    expect(exit.isClean).toBe(true);
    expect(ledger.ended.map(({ outcome }) => outcome.kind)).toEqual([
      'notBegun',
      'returned',
      'stopped',
    ]);
    expect(disposed).toEqual(['disposed']);
    executor.run([job('noop')]);
    expect(ledger.ended.at(-1)?.outcome.kind).toBe('notBegun');
    expect(await executor.stop({ graceMs: 0 })).toBe(exit);
  });

  it('is killed at once, each job answered for', async () => {
    const { executor, ledger } = await startInline(2);
    executor.run([job('never'), job('never'), job('noop')].map((given) => ({ ...given })));
    executor.kill();
    expect(ledger.ended.map(({ outcome }) => outcome.kind).sort()).toEqual([
      'notBegun',
      'stopped',
      'stopped',
    ]);
    expect(ledger.exits.length).toBeLessThanOrEqual(1);
    await executor.stop({ graceMs: 0 });
  });
});
