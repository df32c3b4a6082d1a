import { describe, expect, it } from '@jest/globals';
import { Tally } from '../../src/actors/tally.js';
import { type claimed, claimMany } from './support/jobs.js';

const tallyOf = (maxJobs = Number.POSITIVE_INFINITY) => {
  const rooms: [number, number][] = [];
  const tally = new Tally(maxJobs, (start, hold) => void rooms.push([start, hold]));
  const room = () => rooms.at(-1);
  return { tally, room };
};
const finish = { kind: 'finish', result: null } as const;
const outcome = { kind: 'returned', result: null } as const;

describe('what a worker has in hand', () => {
  it('is told by job, and gone once Redis has confirmed', () => {
    const { tally } = tallyOf();
    const [a, b] = claimMany(2) as [ReturnType<typeof claimed>, ReturnType<typeof claimed>];
    tally.claimed([a, b]);
    expect(tally.isBusy).toBe(true);
    tally.ended(finish);
    expect(tally.summary.left).toEqual([a.jobId, b.jobId]);
    tally.settled({ job: a, outcome, verdict: 'finished', tookMs: 1 });
    tally.settled({ job: b, outcome, verdict: 'quarantined', tookMs: 1 });
    expect(tally.summary).toEqual({ finished: 1, failed: 1, left: [] });
    expect(tally.isBusy).toBe(false);
  });
});

describe('the room of a worker', () => {
  it('is what its executors have', () => {
    const { tally, room } = tallyOf();
    tally.want(4, 20);
    expect(room()).toEqual([4, 20]);
  });

  it('never exceeds the jobs it is still to run', () => {
    const { tally, room } = tallyOf(3);
    tally.want(2, 20);
    expect(room()).toEqual([2, 0]);
    tally.ended(finish);
    expect(room()).toEqual([2, 0]);
    tally.ended({ kind: 'fail', reason: '', retryable: true, traceback: '' });
    expect(room()).toEqual([1, 0]);
    tally.ended({ kind: 'back', reason: 'it never ran' });
    expect(room()).toEqual([1, 0]);
    expect(tally.isDone).toBe(false);
    tally.ended(finish);
    expect(room()).toEqual([0, 0]);
    expect(tally.isDone).toBe(true);
  });

  it('is not taken by parked jobs, but nothing is claimed for executors that are not there', () => {
    const { tally, room } = tallyOf();
    tally.want(2, 0);
    tally.park(3);
    expect(room()).toEqual([5, 0]);
    tally.want(0, 0);
    expect(room()).toEqual([0, 0]);
  });

  it('is taken by callbacks of jobs that are not in hand', () => {
    const { tally, room } = tallyOf();
    tally.want(2, 0);
    tally.lend('a');
    tally.lend('a');
    expect(room()).toEqual([1, 0]);
    tally.lend('b');
    tally.lend('c');
    expect(room()).toEqual([0, 0]);
    expect([tally.isBusy, tally.isLending]).toEqual([true, true]);
    for (const execution of ['a', 'b', 'c', 'unknown']) tally.giveBack(execution);
    expect(room()).toEqual([2, 0]);
    expect([tally.isBusy, tally.isLending]).toEqual([false, false]);
  });

  it('is closed for good', () => {
    const { tally, room } = tallyOf();
    tally.want(2, 5);
    tally.close();
    tally.want(4, 5);
    expect(room()).toEqual([0, 0]);
  });
});
