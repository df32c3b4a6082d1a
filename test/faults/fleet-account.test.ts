import { describe, expect, it } from '@jest/globals';
import type { LifecycleEvent } from '../../src/redis/lifecycle-event.js';
import type { Line } from './support/fleet.js';
import { accountOf, endsOf, explain, isLeftover, type Story } from './support/fleet-account.js';

const line = (
  phase: Line['phase'],
  at: number,
  { side = 'node', execution = 'x', ...more }: Partial<Line> = {},
): Line => ({
  ...{ id: 'a', pid: 2, boss: 1, phase, at, side },
  ...more,
  ...(side === 'node' && { execution }),
});
const event = (kind: string, at: number, execution = 'x'): LifecycleEvent =>
  ({ queue: 'q', jobId: 'a', at, cursor: '', worker: 'w', kind, execution }) as LifecycleEvent;
const story = (lines: Line[], events: LifecycleEvent[] = [], more: Partial<Story> = {}): Story => ({
  ...{ lines, events, killed: new Set() },
  ...more,
});
const run = (begin: number, end: number, more: Partial<Line> = {}): Line[] => [
  line('begin', begin, more),
  line('end', end, more),
];
const python = (pid: number, boss: number): Partial<Line> => ({ side: 'python', pid, boss });
const finished = { id: 'a', status: 'finished', words: '', retriesLeft: null };
const seenIn = (told: Story) => {
  const { again, unexplained } = explain(told);
  return { again: Object.values(again), unexplained: unexplained.length };
};

describe('the account of a mixed fleet', () => {
  it('takes one run and one event of its end for what they are', () => {
    const told = story(run(1, 2), [event('finished', 3)]);
    expect(seenIn(told)).toEqual({ again: [], unexplained: 0 });
    expect(endsOf([finished], told)).toEqual({ onlyNode: 1, notOnce: [] });
  });

  it('sees a job that finished twice, one that never told its end, and one whose end nobody ran', () => {
    const twice = story(
      [...run(1, 2), ...run(4, 5, { execution: 'y' })],
      [event('finished', 3), event('finished', 6, 'y')],
    );
    expect(endsOf([finished], twice).notOnce).toHaveLength(1);
    expect(seenIn(twice).unexplained).toBe(1);
    expect(endsOf([finished], story(run(1, 2))).notOnce).toHaveLength(1);
    expect(
      endsOf([finished], story([line('begin', 1)], [event('finished', 3)])).notOnce,
    ).toHaveLength(1);
  });

  it('does not take it for a reason that the job was recovered some time, or that a process died after it was done', () => {
    const other = [...run(1, 2), ...run(4, 5, { execution: 'y' })];
    const events = [event('recovered', 0, 'z'), event('finished', 6, 'y')];
    expect(seenIn(story(other, events)).unexplained).toBe(1);
    expect(seenIn(story(other, events, { killed: new Set([2]) })).again).toEqual([1]);
    // Python's worker had gone on to another job before it was killed.
    const first = run(1, 2, python(10, 9));
    const second = run(6, 7, python(21, 20));
    const goneOn = line('begin', 3, { ...python(11, 9), id: 'b' });
    const killed = new Set([9]);
    expect(seenIn(story([...first, ...second], [], { killed })).again).toEqual([1]);
    expect(seenIn(story([...first, goneOn, ...second], [], { killed })).unexplained).toBe(1);
  });

  it('takes a second run by Python for its own only where it may have had the job in its hand', () => {
    const lines = [...run(1, 2), ...run(4, 5, python(10, 9))];
    const events = [event('finished', 3)];
    const broughtBack = event('handedBack', 1, '');
    expect(seenIn(story(lines, events)).unexplained).toBe(1);
    expect(seenIn(story(lines, [broughtBack, ...events])).again).toEqual([1]);
    expect(seenIn(story(lines, [event('handedBack', 1, 'w'), ...events])).unexplained).toBe(1);
    expect(seenIn(story(lines, [...events, event('handedBack', 6, '')])).unexplained).toBe(1);
    const twiceInNode = [...run(1, 2), ...run(4, 5, { execution: 'y' })];
    expect(seenIn(story(twiceInNode, [broughtBack, ...events])).unexplained).toBe(2);
  });

  it('knows a job that RQ put back twice by the horse that was killed after it had', () => {
    const failed = [line('begin', 1, python(10, 9)), line('fail', 2, python(10, 9))];
    const lines = [...failed, ...run(3, 4, python(11, 9)), ...run(5, 6, python(12, 9))];
    expect(seenIn(story(lines)).unexplained).toBe(1);
    expect(seenIn(story(lines, [], { killed: new Set([10]) })).again).toEqual([1]);
    expect(seenIn(story(lines, [], { killed: new Set([12]) })).unexplained).toBe(1);
  });

  it('lets nobody but Python, and a job without retries left, fail of a death', () => {
    const words = 'Moved to FailedJobRegistry, due to AbandonedJobError, at 2026';
    const fate = { id: 'a', status: 'failed', words, retriesLeft: null };
    const byNode = story([], [event('quarantined', 1)]);
    expect(accountOf([fate], story([])).unaccounted).toEqual([]);
    expect(accountOf([fate], byNode).unaccounted).toHaveLength(1);
    expect(accountOf([{ ...fate, retriesLeft: 0 }], byNode).unaccounted).toEqual([]);
  });

  it('leaves to Python no finding, and to the dead their entries', () => {
    const finding = (code: 'A15' | 'A14', seen: string) => ({
      code,
      seen,
      jobId: null,
      queue: null,
      remedy: null,
      isCritical: false,
      mended: null,
    });
    const seen = 'rq:workers lists rq:worker:python-1, which does not exist';
    expect(isLeftover(finding('A15', seen), new Set(['python-1']))).toBe(true);
    expect(isLeftover(finding('A15', seen), new Set(['python-11']))).toBe(false);
    expect(isLeftover(finding('A14', seen), new Set(['python-1']))).toBe(false);
  });
});
