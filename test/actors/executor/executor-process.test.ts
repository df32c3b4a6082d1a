import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ExecutorProcess } from '../../../src/actors/executor/executor-process.js';
import { Warden } from '../../../src/actors/executor/warden.js';
import { encodeValue } from '../../../src/redis/payload/value.js';
import { endAll, fail, fixture, isAlive, job, Ledger, startChild, until } from './support/lab.js';

afterEach(endAll);

describe('a job in a child', () => {
  it('returns its result in the bytes of its serializer', async () => {
    const { outcome } = await startChild();
    expect(await outcome('add', [1, 2])).toEqual({ kind: 'returned', result: Buffer.from('3') });
    expect(await outcome('noop')).toEqual({ kind: 'returned', result: null });
  });

  it('throws, with its cause and whether a retry makes sense', async () => {
    const { outcome } = await startChild();
    const failed = await outcome('fails');
    expect(failed).toMatchObject({ kind: 'threw', retryable: true });
    expect(failed.error).toMatchObject({ name: 'RangeError', message: 'out of paper' });
    expect(failed.error.stack).toContain('Caused by: Error: the tray is open');
    expect(await outcome('failsForGood')).toMatchObject({ kind: 'threw', retryable: false });
    expect(await outcome('throwsText')).toMatchObject({ error: { message: 'just text' } });
  });

  it('knows itself', async () => {
    const { run } = await startChild();
    const given = job('context', ['a'], { timeoutMs: 5_000 });
    const { outcome } = await run(given);
    expect(JSON.parse(String(outcome.result))).toEqual({
      id: given.jobId,
      queue: 'default',
      attempt: 1,
      fence: 1,
      execution: given.execution,
      functionName: 'jobs.context',
      args: ['a'],
      hasDeadline: true,
    });
  });

  it('saves meta, logs and tells its progress before it ends', async () => {
    const { run, ledger } = await startChild();
    const given = job('countsUp', [], { meta: encodeValue({ count: 4 }) });
    expect((await run(given)).outcome.result.toString()).toBe('5');
    const notes = ledger.notes.map(({ note }) => note);
    const meta = notes.find((note) => note.meta)?.meta;
    expect(JSON.parse(String(meta))).toEqual({ count: 5 });
    expect(notes.flatMap((note) => note.log ?? [])).toEqual([['warn', 'counted']]);
    expect(notes.some((note) => note.progress === '1')).toBe(true);
  });

  it('has begun at the time the child says, on the clock of the parent', async () => {
    const { executor, run, ledger } = await startChild();
    const beforeMs = performance.now();
    const given = job('finishesOnAbort');
    const end = run(given);
    await until('its begin is told', () => ledger.begun.length === 1);
    const toldAtMs = performance.now();
    executor.cancel(given.execution, 'shutdown');
    const { beganAtMs, tookMs } = await end;
    expect(ledger.begun.map((begun) => begun.job.jobId)).toEqual([given.jobId]);
    expect(beganAtMs).toBeGreaterThanOrEqual(beforeMs - 1);
    expect(beganAtMs).toBeLessThanOrEqual(toldAtMs);
    expect(Number(beganAtMs) + tookMs).toBeLessThanOrEqual(performance.now() + 1);
  });

  it('that is asked to end before its begin was told is stopped by force all the same', async () => {
    const { executor, run, ledger } = await startChild();
    const path = join(mkdtempSync(join(tmpdir(), 'rxrq-begun-')), 'begun');
    const given = job('loopFor', [60_000, path]);
    const end = run(given);
    await until('it has begun', () => existsSync(path));
    executor.cancel(given.execution, 'lost');
    expect((await end).outcome).toEqual({ kind: 'stopped', reason: 'lost' });
    rmSync(dirname(path), { recursive: true });
    expect(ledger.endings(given)).toBe(1);
  });

  it('that runs when its child is killed by us was stopped, whether its begin was told or not', async () => {
    const { executor, run } = await startChild();
    const path = join(mkdtempSync(join(tmpdir(), 'rxrq-begun-')), 'begun');
    const end = run(job('loopFor', [60_000, path]));
    await until('it has begun', () => existsSync(path));
    executor.kill();
    expect((await end).outcome).toEqual({ kind: 'stopped', reason: 'shutdown' });
    rmSync(dirname(path), { recursive: true });
  });

  it('tells of the beginning even when the handler blocks the thread', async () => {
    const { run, ledger } = await startChild();
    const given = job('loopFor', [600]);
    const end = run(given);
    await until('it has begun', () => ledger.begun.length === 1);
    expect(ledger.ended).toEqual([]);
    expect((await end).outcome.kind).toBe('returned');
  });
});

describe('a window of jobs', () => {
  it('runs in order and ends in few batches, each job once', async () => {
    const { executor, ledger } = await startChild();
    const jobs = Array.from({ length: 64 }, (_, i) => job('add', [i, 1]));
    executor.run(jobs);
    await until('all ended', () => ledger.ended.length === jobs.length);
    expect(ledger.ended.map((ended) => ended.job.jobId)).toEqual(jobs.map(({ jobId }) => jobId));
    expect(ledger.ended.map((ended) => Number(ended.outcome.result))).toEqual(
      jobs.map((_, i) => i + 1),
    );
    expect(ledger.batches.length).toBeLessThan(32);
    expect(executor.jobsDone).toBe(64);
  });

  it.each([
    ['aborts', [], 'SIGABRT'],
    ['killsItself', [], 'SIGKILL'],
    ['exits', [7], null],
  ])(
    '%s: those before keep their results, those behind go back uncharged',
    async (name, args, signal) => {
      const { executor, ledger } = await startChild();
      const before = Array.from({ length: 5 }, (_, i) => job('add', [i, 0]));
      const culprit = job(name, args);
      const behind = [job('noop'), job('noop')];
      executor.run([...before, culprit, ...behind]);
      await until('all ended', () => ledger.ended.length === 8);
      const kinds = [...before, culprit, ...behind].map(
        (given) => ledger.ended.find((ended) => ended.job === given)?.outcome,
      );
      expect(kinds.slice(0, 5).map((outcome) => outcome?.kind)).toEqual(Array(5).fill('returned'));
      expect(kinds[5]).toMatchObject({ kind: 'died', signal });
      expect(kinds.slice(6).map((outcome) => outcome?.kind)).toEqual(['notBegun', 'notBegun']);
    },
  );

  it('charges the one that hangs, not its neighbours', async () => {
    const { executor, ledger } = await startChild();
    const before = [job('noop'), job('noop')];
    const culprit = job('loopForEver', [], { timeoutMs: 300 });
    const behind = [job('noop'), job('noop')];
    executor.run([...before, culprit, ...behind]);
    await until('the neighbours are back', () => ledger.ended.length === 4);
    expect(ledger.endings(culprit)).toBe(0);
    await until('all ended', () => ledger.ended.length === 5);
    const kindOf = (given: unknown) =>
      ledger.ended.find((ended) => ended.job === given)?.outcome.kind;
    expect(before.map(kindOf)).toEqual(['returned', 'returned']);
    expect(kindOf(culprit)).toBe('timedOut');
    expect(behind.map(kindOf)).toEqual(['notBegun', 'notBegun']);
  });

  it('is taken back at once while the thread is blocked, and the child goes on with others', async () => {
    const { executor, ledger, run } = await startChild();
    const path = join(mkdtempSync(join(tmpdir(), 'rxrq-gate-')), 'blocked');
    const end = run(job('loopFor', [700, path]));
    executor.run([job('countsRuns'), job('countsRuns')]);
    // Begun is told before the handler is called: the thread could still hear of jobs that are taken back.
    await until('the thread is blocked', () => existsSync(path));
    rmSync(dirname(path), { recursive: true });
    executor.takeBack('wanted elsewhere');
    await until('taken back', () => ledger.ended.length === 2);
    expect(ledger.ended.map(({ outcome }) => outcome)).toEqual(
      Array(2).fill({ kind: 'notBegun', reason: 'wanted elsewhere' }),
    );
    expect((await end).outcome.kind).toBe('returned');
    expect((await run(job('countsRuns'))).outcome.result.toString()).toBe('1');
    expect(ledger.ended.length).toBe(4);
  });
});

describe('the time limit', () => {
  it('aborts the signal first; a handler that obeys keeps its child', async () => {
    const { outcome, executor, pid } = await startChild();
    expect(await outcome('waitForAbort', [], { timeoutMs: 100 })).toEqual({
      kind: 'timedOut',
      limitMs: 100,
    });
    expect(await outcome('add', [1, 1])).toMatchObject({ kind: 'returned' });
    expect(executor.pid).toBe(pid);
  });

  it.each(['never', 'loopForEver', 'ignoresSigterm'])('ends %s by force', async (name) => {
    const { outcome, ledger, pid } = await startChild();
    expect(await outcome(name, [], { timeoutMs: 100 })).toEqual({ kind: 'timedOut', limitMs: 100 });
    await until('the child is gone', () => !isAlive(pid));
    await until('it has left', () => ledger.exits.length === 1);
    expect(ledger.exits[0]?.isClean).toBe(false);
  });

  it('holds for a stopped child', async () => {
    const { run, ledger, pid } = await startChild();
    const end = run(job('never', [], { timeoutMs: 400 }));
    await until('begun', () => ledger.begun.length === 1);
    process.kill(pid, 'SIGSTOP');
    expect((await end).outcome.kind).toBe('timedOut');
    expect(isAlive(pid)).toBe(false);
  });

  it('does not charge a job that a stopped child never began', async () => {
    const { run, pid } = await startChild({ beginWithinMs: 300 });
    process.kill(pid, 'SIGSTOP');
    const { outcome } = await run(job('noop', [], { timeoutMs: 100 }));
    expect(outcome.kind).toBe('notBegun');
    expect(outcome.reason).toContain('began no job within 300 ms');
  });

  it('starts anew for each job of a window', async () => {
    const { executor, ledger } = await startChild();
    executor.run(Array.from({ length: 4 }, () => job('wait', [100], { timeoutMs: 250 })));
    await until('all ended', () => ledger.ended.length === 4);
    expect(ledger.ended.map(({ outcome }) => outcome.kind)).toEqual(Array(4).fill('returned'));
  });
});

describe('cancel', () => {
  it('stops a running job', async () => {
    const { executor, run, ledger } = await startChild();
    const given = job('waitForAbort');
    const end = run(given);
    await until('begun', () => ledger.begun.length === 1);
    executor.cancel(given.execution, 'canceled');
    expect((await end).outcome).toEqual({ kind: 'stopped', reason: 'canceled' });
  });

  it('lets stand what a job returns when it is asked to stop', async () => {
    const { executor, run, ledger } = await startChild();
    const given = job('finishesOnAbort');
    const end = run(given);
    await until('begun', () => ledger.begun.length === 1);
    executor.cancel(given.execution, 'shutdown');
    expect((await end).outcome).toMatchObject({ kind: 'returned' });
  });

  it('stops a deaf one by force, and one that waits without force', async () => {
    const { executor, run, ledger } = await startChild();
    const running = job('loopForEver');
    const waiting = job('noop');
    const [ranOut, waited] = [run(running), run(waiting)];
    await until('begun', () => ledger.begun.length === 1);
    executor.cancel(waiting.execution, 'deleted');
    executor.cancel(running.execution, 'lost');
    expect((await ranOut).outcome).toEqual({ kind: 'stopped', reason: 'lost' });
    expect((await waited).outcome.kind).toBe('notBegun');
  });

  it('drops a waiting job of a child that listens', async () => {
    const { executor, run, ledger } = await startChild();
    const running = job('wait', [150]);
    const waiting = job('noop');
    const [ranOut, waited] = [run(running), run(waiting)];
    await until('begun', () => ledger.begun.length === 1);
    executor.cancel(waiting.execution, 'canceled');
    expect((await waited).outcome).toEqual({ kind: 'stopped', reason: 'canceled' });
    expect((await ranOut).outcome.kind).toBe('returned');
  });
});

describe('start', () => {
  it('names the handlers', async () => {
    const { names } = await startChild();
    expect(names).toEqual(expect.arrayContaining(['any name', 'jobs.add', 'reports.build']));
  });

  it('rejects with the reason when a module does not load', async () => {
    const broken = new ExecutorProcess({ modules: [fixture('broken.js')] }, new Ledger().events);
    await expect(broken.start()).rejects.toThrow(/broken\.js did not load: Error: no database/);
  });

  it('rejects when the child is not ready in time, and leaves none', async () => {
    const ledger = new Ledger();
    const slow = new ExecutorProcess(
      { modules: [fixture('slow-to-load.js')], readyWithinMs: 300 },
      ledger.events,
    );
    await expect(slow.start()).rejects.toThrow('not ready within 300 ms');
    expect(isAlive(slow.pid as number)).toBe(false);
    expect(ledger.exits.length).toBe(1);
  });

  it('rejects when there is no process to be had, and gives jobs back', async () => {
    const ledger = new Ledger();
    const none = new ExecutorProcess({ modules: [], cwd: '/nowhere/at/all' }, ledger.events);
    await expect(none.start()).rejects.toThrow('could not be spawned');
    none.run([job('noop')]);
    expect(ledger.ended[0]?.outcome.kind).toBe('notBegun');
  });
});

describe('stop', () => {
  it('lets the running job finish, gives the others back and exits clean', async () => {
    const { executor, ledger } = await startChild();
    executor.run([job('wait', [200]), job('noop')]);
    await until('begun', () => ledger.begun.length === 1);
    const exit = await executor.stop({ graceMs: 5_000 });
    expect(exit).toEqual({ exitCode: 0, signal: null, isClean: true, detail: '' });
    expect(ledger.ended.map(({ outcome }) => outcome.kind).sort()).toEqual([
      'notBegun',
      'returned',
    ]);
    expect(await executor.stop({ graceMs: 1 })).toBe(exit);
  });

  it('ends a job that takes longer than the grace', async () => {
    const { executor, ledger, pid } = await startChild();
    executor.run([job('loopForEver')]);
    await until('begun', () => ledger.begun.length === 1);
    await executor.stop({ graceMs: 50 });
    expect(ledger.ended[0]?.outcome).toEqual({ kind: 'stopped', reason: 'shutdown' });
    expect(isAlive(pid)).toBe(false);
  });

  it.each([
    ['watchdog', null],
    ['warden', new Warden(30_000, fail)],
  ])('charges no job that was about to begin (%s)', async (_, warden) => {
    for (let round = 0; round < 4; round++) {
      const { executor, ledger } = await startChild({ warden });
      executor.run([job('never')]);
      await executor.stop({ graceMs: 0 });
      expect(['notBegun', 'stopped']).toContain(ledger.ended[0]?.outcome.kind);
    }
    const { executor, ledger, outcome } = await startChild({ warden, graceMs: 1_000 });
    await outcome('blocksAfterwards', [500]);
    executor.run([job('waitForAbort')]);
    await executor.stop({ graceMs: 100 });
    expect(['notBegun', 'stopped']).toContain(ledger.ended[1]?.outcome.kind);
    expect(ledger.ended).toHaveLength(2);
  });

  it('may come before the start, and kill too', async () => {
    const ledger = new Ledger();
    const executor = new ExecutorProcess({ modules: [] }, ledger.events);
    expect((await executor.stop({ graceMs: 0 })).isClean).toBe(true);
    executor.kill();
    expect(ledger.exits.length).toBe(1);
  });
});
