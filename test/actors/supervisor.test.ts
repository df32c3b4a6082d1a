import { describe, expect, it } from '@jest/globals';
import type { Ended, ExecutorExit } from '../../src/actors/executor/executor.js';
import type { JobToRun } from '../../src/actors/job-to-run.js';
import type { RecorderMessage } from '../../src/actors/recorder.js';
import { type SupervisorSettings, supervisor } from '../../src/actors/supervisor.js';
import type { ClaimedJob } from '../../src/redis/transitions/settlement.js';
import { makeSystem, spec, story } from './kernel/support/system.js';
import { settle } from './kernel/support/virtual-clock.js';
import { FakeExecutor } from './support/fake-executor.js';
import { claimMany } from './support/jobs.js';

/** A supervisor with fake executors; `at(n)` is the n-th that was ever made. */
const makeSupervisor = async (settings: Partial<SupervisorSettings> & { runs?: number } = {}) => {
  const world = makeSystem({ supervision: { directiveFor: () => 'escalate' } });
  const { clock, system } = world;
  const executors: FakeExecutor[] = [];
  const ended: Ended[] = [];
  const rooms: string[] = [];
  const exits: ExecutorExit[] = [];
  const ready: (readonly string[])[] = [];
  const recorder = system.spawn<RecorderMessage>(
    spec('recorder', () => (message) => {
      if (message.kind === 'ended') ended.push(...message.ended);
    }),
  );
  const ref = system.spawn(
    supervisor(recorder, {
      places: 1,
      concurrency: 1,
      prefetch: 0,
      maxJobs: Number.POSITIVE_INFINITY,
      maxRssBytes: Number.POSITIVE_INFINITY,
      nowMs: () => clock.now(),
      makeExecutor: (events) => {
        const made = new FakeExecutor(events, settings.runs);
        executors.push(made);
        return made;
      },
      onNote: () => undefined,
      onOutput: () => undefined,
      onRoom: (start, hold) => void rooms.push(`${start}+${hold}`),
      onReady: (names) => void ready.push(names),
      onExit: (_, exit) => void exits.push(exit),
      ...settings,
    }),
  );
  await settle();
  const at = (n: number): FakeExecutor => {
    const executor = executors[n];
    if (!executor) throw new Error(`executor ${n} was not made`);
    return executor;
  };
  const upAll = async () => {
    for (const executor of executors) executor.up();
    await settle();
  };
  const run = async (jobs: readonly ClaimedJob[], left = 0) => {
    ref.tell({ kind: 'run', jobs, left });
    await settle();
  };
  const outcomes = () => ended.map(({ outcome }) => outcome.kind);
  const room = () => rooms.at(-1);
  return { ...world, ref, executors, at, upAll, run, ended, outcomes, room, exits, ready };
};

const ids = (jobs: readonly JobToRun[]) => jobs.map(({ jobId }) => jobId);

describe('the supervisor: room', () => {
  it('is nothing until an executor is up, then one job each', async () => {
    const { room, at, ready } = await makeSupervisor({ places: 2, concurrency: 2 });
    expect(room()).toBeUndefined();
    at(0).up(['a', 'b']);
    await settle();
    expect(room()).toBe('1+0');
    at(1).up(['a', 'b']);
    await settle();
    expect(room()).toBe('2+0');
    expect(ready[0]).toEqual(['a', 'b']);
  });

  it('is never more than the concurrency, however many executors wait', async () => {
    const { room, upAll } = await makeSupervisor({ places: 4, concurrency: 2 });
    await upAll();
    expect(room()).toBe('2+0');
  });

  it('is held for jobs only while they are short and more wait', async () => {
    const { room, upAll, run, at } = await makeSupervisor({
      prefetch: 'adaptive',
      nowMs: (
        (now) => () =>
          (now += 3)
      )(10_000),
    });
    await upAll();
    for (let round = 0; round < 50; round += 1) {
      await run(claimMany(4), 100);
      while (at(0).held > 0) {
        at(0).end();
        await settle();
      }
    }
    expect(room()).toMatch(/^1\+[1-9]/);
    await run([], 0);
    expect(room()).toBe('1+0');
  });

  it('is never held with prefetch 0', async () => {
    const { upAll, run, at, room } = await makeSupervisor();
    await upAll();
    for (let round = 0; round < 50; round += 1) {
      await run(claimMany(1), 100);
      at(0).end();
      await settle();
      expect(room()).toBe('1+0');
    }
    expect(at(0).batches).toEqual(Array(50).fill(1));
  });
});

describe('the supervisor: jobs', () => {
  it('are dealt to executors that are up, and wait for one that is not', async () => {
    const { run, at, outcomes, executors } = await makeSupervisor({ places: 2, concurrency: 2 });
    const jobs = claimMany(2);
    await run(jobs);
    expect(executors.map(({ held }) => held)).toEqual([0, 0]);
    at(1).up();
    await settle();
    expect(ids(at(1).jobs)).toEqual([jobs[0]?.jobId]);
    at(0).up();
    await settle();
    expect(ids(at(0).jobs)).toEqual([jobs[1]?.jobId]);
    expect(outcomes()).toEqual([]);
  });

  it('go to an inline executor all at once', async () => {
    const { run, at, upAll, room } = await makeSupervisor({ concurrency: 10, runs: 10 });
    await upAll();
    expect(room()).toBe('10+0');
    await run(claimMany(10));
    expect(at(0).batches).toEqual([10]);
  });

  it('that nobody takes go back after a while, the executors being busy', async () => {
    const { run, at, upAll, outcomes, clock } = await makeSupervisor();
    await upAll();
    await run(claimMany(3));
    expect(at(0).held).toBe(1);
    await clock.advance(100);
    expect(outcomes()).toEqual([]);
    await clock.advance(200);
    expect(outcomes()).toEqual(['notBegun', 'notBegun']);
  });

  it('that wait behind a long one are taken back from the child', async () => {
    const made = await makeSupervisor({ prefetch: 'adaptive' });
    const { run, at, upAll, clock, outcomes } = made;
    await upAll();
    // Short ones first, so that the window opens.
    for (let round = 0; round < 20; round += 1) {
      await run(claimMany(8), 100);
      at(0).end();
      await clock.advance(6);
    }
    const before = outcomes().length;
    await run(claimMany(8), 100);
    expect(at(0).held).toBeGreaterThan(1);
    at(0).begin();
    await clock.advance(400);
    expect(at(0).takenBack).toEqual(['it waited behind a long job']);
    expect(at(0).held).toBe(1);
    expect(new Set(outcomes().slice(before))).toEqual(new Set(['notBegun']));
  });

  it('do not join one that runs for long already, though the others are short', async () => {
    const made = await makeSupervisor({ prefetch: 'adaptive', places: 2, concurrency: 2 });
    const { run, at, upAll, clock } = made;
    await upAll();
    await run(claimMany(2));
    for (let round = 0; round < 100; round += 1) {
      await run(claimMany(8), 100);
      at(1).end();
      await clock.advance(6);
    }
    expect(at(0).takenBack).toHaveLength(1);
    expect(at(0).held).toBe(1);
    expect(Math.max(...at(1).batches)).toBeGreaterThan(1);
  });

  it('can be canceled where they are', async () => {
    const { run, at, upAll, ref, ended } = await makeSupervisor();
    await upAll();
    const [running, waiting] = claimMany(2) as [ClaimedJob, ClaimedJob];
    await run([running, waiting]);
    ref.tell({ kind: 'cancel', execution: waiting.execution, reason: 'deleted' });
    ref.tell({ kind: 'cancel', execution: running.execution, reason: 'canceled' });
    await settle();
    expect(ended).toEqual([
      {
        job: waiting,
        outcome: { kind: 'stopped', reason: 'deleted' },
        beganAtMs: null,
        tookMs: 0,
      },
    ]);
    expect(at(0).canceled).toEqual([[running.execution, 'canceled']]);
  });
});

describe('the supervisor: executors', () => {
  it('that die of a job are replaced at once, even if it was their first', async () => {
    const { run, at, upAll, executors, outcomes, room, fatal, exits, events } =
      await makeSupervisor();
    for (let n = 0; n < 10; n += 1) {
      await upAll();
      await run(claimMany(1));
      at(n).die();
      await settle();
    }
    expect(executors).toHaveLength(11);
    expect(outcomes()).toEqual(Array(10).fill('died'));
    expect(exits).toHaveLength(10);
    expect(room()).toBe('0+0');
    expect(fatal).toEqual([]);
    expect(story(events).filter((line) => line.startsWith('crashed'))).toEqual([]);
  });

  it('that die with nothing to do are replaced after growing pauses, then the worker is told', async () => {
    const { at, upAll, executors, clock, fatal, outcomes } = await makeSupervisor();
    await upAll();
    const pauses: number[] = [];
    for (let n = 0; n < 3; n += 1) {
      at(n).die('it was killed by somebody');
      const sinceMs = clock.now();
      while (executors.length === n + 1) await clock.advance(10);
      pauses.push(clock.now() - sinceMs);
      await upAll();
    }
    expect(pauses).toEqual(pauses.toSorted((a, b) => a - b));
    at(3).die('it was killed by somebody');
    await settle();
    expect(fatal).toHaveLength(1);
    expect(String((fatal[0] as Error).cause)).toContain('it was killed by somebody');
    expect(outcomes()).toEqual([]);
  });

  it('that never come up fail the start at once, each counted once and none left behind', async () => {
    const { at, executors, fatal, clock } = await makeSupervisor({ places: 2 });
    at(0).leave({ exitCode: 1, isClean: false });
    at(0).fail(new Error('Handler module file:///tasks.js did not load: SyntaxError'));
    await clock.advance(10_000);
    expect(fatal.map(String)).toEqual([
      'Error: Handler module file:///tasks.js did not load: SyntaxError',
    ]);
    expect(executors).toHaveLength(2);
    expect(at(1).isKilled).toBe(true);
  });

  it('that fail to come up again count as one crash each', async () => {
    const { at, upAll, executors, clock, fatal, events, run } = await makeSupervisor();
    await upAll();
    await run(claimMany(1));
    at(0).die();
    await settle();
    at(1).leave({ exitCode: 1, isClean: false });
    at(1).fail(new Error('no memory'));
    await clock.advance(1_000);
    expect(story(events).filter((line) => line.startsWith('crashed'))).toEqual([
      'crashed /supervisor/executor-0 restart',
    ]);
    expect(executors).toHaveLength(3);
    expect(at(2).isKilled).toBe(false);
    expect(fatal).toEqual([]);
  });

  it('that have done their share finish what they were given, and nothing goes back', async () => {
    const { at, upAll, run, executors, outcomes, room } = await makeSupervisor({ maxJobs: 2 });
    await upAll();
    await run(claimMany(1));
    at(0).end();
    await run(claimMany(1));
    at(0).end();
    // Claimed before the supervisor could know.
    await run(claimMany(1));
    expect(at(0).stops).toEqual([2 ** 31 - 1]);
    expect(room()).toBe('0+0');
    at(0).leave();
    await settle();
    expect(executors).toHaveLength(2);
    await upAll();
    expect(at(1).held).toBe(1);
    at(1).end();
    await settle();
    expect(outcomes()).toEqual(['returned', 'returned', 'returned']);
  });

  it('that have grown too large are replaced, the small ones are not', async () => {
    const { at, upAll, run } = await makeSupervisor({ maxRssBytes: 1_000 });
    await upAll();
    at(0).rss = 999;
    await run(claimMany(1));
    at(0).end();
    await settle();
    expect(at(0).stops).toEqual([]);
    at(0).rss = 1_001;
    // Weighing takes a look into /proc, so it is not done after every job.
    for (const began = performance.now(); performance.now() - began < 60; ) await settle();
    await run(claimMany(1));
    at(0).end();
    await settle();
    expect(at(0).stops).toHaveLength(1);
  });
});

describe('the supervisor: leaving', () => {
  it('gives back what has not begun, waits for what has, then ends', async () => {
    const { ref, at, upAll, run, outcomes, room, ended } = await makeSupervisor();
    await upAll();
    const jobs = claimMany(3);
    await run(jobs);
    ref.tell({ kind: 'leave', graceMs: 5_000 });
    await settle();
    expect(room()).toBe('0+0');
    expect(outcomes()).toEqual(['notBegun', 'notBegun']);
    expect(at(0).stops).toEqual([5_000]);
    expect(ref.state).toBe('running');
    at(0).end();
    at(0).leave();
    await settle();
    expect(ref.state).toBe('stopped');
    expect(ids(ended.map(({ job }) => job)).toSorted()).toEqual(ids(jobs).toSorted());
  });

  it('gives back jobs that come while it is leaving', async () => {
    const { ref, upAll, run, outcomes } = await makeSupervisor();
    await upAll();
    ref.tell({ kind: 'leave', graceMs: 5_000 });
    await run(claimMany(2));
    expect(outcomes()).toEqual(['notBegun', 'notBegun']);
  });

  it('leaves although an executor is only coming up', async () => {
    const { ref, at, upAll } = await makeSupervisor({ places: 2 });
    at(0).up();
    await settle();
    ref.tell({ kind: 'leave', graceMs: 5_000 });
    await settle();
    at(0).leave();
    at(1).leave({ isClean: false });
    at(1).fail(new Error('it was killed by its worker'));
    await settle();
    expect(ref.state).toBe('stopped');
    await upAll();
  });

  it('that is stopped kills its executors, and no outcome is lost', async () => {
    const { ref, at, upAll, run, outcomes } = await makeSupervisor();
    await upAll();
    await run(claimMany(3));
    await ref.stop();
    expect(at(0).isKilled).toBe(true);
    expect(outcomes().toSorted()).toEqual(['notBegun', 'notBegun', 'stopped']);
  });
});
