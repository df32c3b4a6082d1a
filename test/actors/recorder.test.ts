import { describe, expect, it } from '@jest/globals';
import type { CalledJob } from '../../src/actors/callbacks.js';
import type { Ended } from '../../src/actors/executor/executor.js';
import type { Outcome } from '../../src/actors/outcome.js';
import { recorder, type Settled } from '../../src/actors/recorder.js';
import type { ClaimedJob, Settlement, Verdict } from '../../src/redis/transitions/settlement.js';
import { makeSystem } from './kernel/support/system.js';
import { settle } from './kernel/support/virtual-clock.js';
import { claimed, claimMany } from './support/jobs.js';

const returned: Outcome = { kind: 'returned', result: null };
const back: Outcome = { kind: 'notBegun', reason: 'its child died' };
const unknown: Outcome = { kind: 'unknownHandler', functionName: 'nobody.knows' };

const end = (job: ClaimedJob, outcome: Outcome = returned): Ended => {
  const hasRun = outcome.kind !== 'notBegun';
  return { job, outcome, beganAtMs: hasRun ? 7 : null, tookMs: hasRun ? 3 : 0 };
};

/** A recorder whose pen keeps everything it was told, and answers what the test says. */
const makeRecorder = (verdict: Verdict = 'finished') => {
  const world = makeSystem();
  const told: string[] = [];
  const settlements: Settlement[] = [];
  const settled: Settled[] = [];
  const parked: number[] = [];
  const called: CalledJob[] = [];
  const late: boolean[] = [];
  const troubles: unknown[] = [];
  const ref = world.system.spawn(
    recorder(
      {
        reportBegun: ({ jobId }, beganAtMs) => void told.push(`begun ${jobId} ${beganAtMs}`),
        settle: (settlement, onVerdict) => {
          told.push(`${settlement.end.kind} ${settlement.job.jobId}`);
          settlements.push(settlement);
          onVerdict(verdict);
        },
        release: (execution) => execution.startsWith('f'),
      },
      {
        onSettled: (each) => void settled.push(each),
        onParked: (count) => void parked.push(count),
        onCallback: (job, isLate) => {
          called.push(job);
          late.push(isLate);
        },
        onCalledBack: (execution) => void told.push(`called back ${execution}`),
        onTrouble: (error) => void troubles.push(error),
      },
    ),
  );
  return { ...world, ref, told, settlements, settled, parked, called, late, troubles };
};

describe('the recorder', () => {
  it('writes each outcome once, and tells what Redis made of it', async () => {
    const { ref, told, settled, settlements } = makeRecorder('lost');
    const job = claimed();
    ref.tell({ kind: 'ended', ended: [end(job)] });
    await settle();
    expect(told).toEqual([`finish ${job.jobId}`]);
    expect(settlements[0]).toMatchObject({ beganAtMs: null, tookMs: 3, end: { kind: 'finish' } });
    expect(settled).toEqual([{ job, outcome: returned, verdict: 'lost', tookMs: 3 }]);
  });

  it('tells when a held job began: apart if it was announced, else with its end', async () => {
    const { ref, told, settlements } = makeRecorder();
    const [long, short, started] = [
      claimed({ started: false }),
      claimed({ started: false }),
      claimed(),
    ];
    ref.tell({ kind: 'begun', begun: [{ job: long, beganAtMs: 5 }] });
    ref.tell({ kind: 'begun', begun: [{ job: started, beganAtMs: 6 }] });
    ref.tell({ kind: 'ended', ended: [long, short, started].map((job) => end(job)) });
    await settle();
    expect(told[0]).toBe(`begun ${long.jobId} 5`);
    expect(told.filter((line) => line.startsWith('begun'))).toHaveLength(1);
    expect(settlements.map(({ beganAtMs }) => beganAtMs)).toEqual([null, 7, null]);
  });

  it('says whether the lease was ever extended', async () => {
    const { ref, settlements } = makeRecorder();
    const jobs = [claimed({ execution: 'f'.repeat(32) }), claimed({ execution: '0'.repeat(32) })];
    ref.tell({ kind: 'ended', ended: jobs.map((job) => end(job)) });
    await settle();
    expect(settlements.map(({ heartbeaten }) => heartbeaten)).toEqual([true, false]);
  });

  it('gives back the last job first, since each goes to the head of its queue', async () => {
    const { ref, told } = makeRecorder('handedBack');
    const [a, b, c, d] = claimMany(4) as [ClaimedJob, ClaimedJob, ClaimedJob, ClaimedJob];
    ref.tell({ kind: 'ended', ended: [end(a), end(b, back), end(c), end(d, back)] });
    await settle();
    expect(told).toEqual([
      `finish ${a.jobId}`,
      `finish ${c.jobId}`,
      `back ${d.jobId}`,
      `back ${b.jobId}`,
    ]);
  });

  it('parks a job that nobody here can run, longer each time, and is open for others meanwhile', async () => {
    const { ref, told, parked, clock } = makeRecorder('handedBack');
    const [first, third, other] = [claimed(), claimed({ attempt: 3 }), claimed()];
    ref.tell({ kind: 'ended', ended: [end(first, unknown), end(third, unknown), end(other)] });
    await settle();
    expect(told).toEqual([`finish ${other.jobId}`]);
    expect(parked).toEqual([1, 2]);
    await clock.advance(200);
    expect(told.slice(1)).toEqual([`pass ${first.jobId}`]);
    await clock.advance(599);
    expect(told).toHaveLength(2);
    await clock.advance(1);
    expect(told.slice(2)).toEqual([`pass ${third.jobId}`]);
    expect(parked).toEqual([1, 2, 1, 0]);
  });

  it('parks nothing any longer once the worker leaves', async () => {
    const { ref, told, clock } = makeRecorder();
    const jobs = claimMany(2);
    ref.tell({ kind: 'ended', ended: [end(jobs[0] as ClaimedJob, unknown)] });
    ref.tell({ kind: 'hurry' });
    ref.tell({ kind: 'ended', ended: [end(jobs[1] as ClaimedJob, unknown)] });
    await settle();
    expect(told).toEqual(jobs.map(({ jobId }) => `pass ${jobId}`));
    await clock.advance(10_000);
    expect(told).toHaveLength(2);
  });

  it('tells of no more than 64 parked jobs: others of their kind have to wait in Redis', async () => {
    const { ref, parked } = makeRecorder();
    ref.tell({ kind: 'ended', ended: claimMany(100).map((job) => end(job, unknown)) });
    await settle();
    expect(Math.max(...parked)).toBe(64);
  });

  it('has the failure callback of a job run that fell elsewhere, and settles nothing', async () => {
    const { ref, told, called, late } = makeRecorder();
    const callbacks = { failure: { name: 'tasks.onFall', timeoutMs: 5_000, isPython: false } };
    const job = claimed({ afterwards: { callbacks, webhooks: [], problems: [] } });
    const error = { name: 'AbandonedJobError', message: 'gone', stack: 'AbandonedJobError: gone' };
    const outcome: Outcome = { kind: 'threw', error, retryable: false };
    ref.tell({ kind: 'fell', job, outcome });
    ref.tell({ kind: 'fell', job: claimed({ execution: 'of no interest' }), outcome });
    await settle();
    expect(called).toEqual([
      {
        ...job,
        started: true,
        timeoutMs: 5_000,
        callback: { moment: 'failure', name: 'tasks.onFall', result: null, error },
      },
    ]);
    expect(late).toEqual([true]);
    // Of a job without one nothing is owed.
    expect(told).toEqual(['called back of no interest']);
    ref.tell({ kind: 'ended', ended: [end(called[0] as CalledJob)] });
    await settle();
    // It was settled by whoever found it.
    expect(told).toEqual(['called back of no interest', `called back ${job.execution}`]);
  });
});
