import type { Redis } from 'ioredis';
import { NoSuchJobError } from '../redis/errors.js';
import { failureKind } from '../redis/failure.js';
import { type JobEnds, resultOf } from '../redis/job-ends.js';
import { isJobStatus, isTerminal } from '../redis/job-status.js';
import { fetchJob } from '../redis/job-store.js';
import { terminalKinds } from '../redis/lifecycle-event.js';
import { within } from '../redis/within.js';
import { Bell } from './bell.js';
import { JobCanceledError, JobExpiredError, JobFailedError, ResultTimeoutError } from './errors.js';
import type { EventLog } from './event-log.js';

/** Unlike events, a hash can be looked at without anybody's help: Python's workers write no events. */
const firstLookMs = 250;
const lastLookMs = 2_000;
/** However short the time, Redis gets this long for one answer. */
const shortestLookMs = 100;

/** What it takes to hear of an end, and to look at it. */
interface EndDoors {
  redis: Redis;
  log: EventLog;
  ends: JobEnds;
}

/**
 * What a job returned, as soon as it has: told by an event, or seen in its hash. With `timeoutMs` 0 it is looked at once.
 *
 * @throws JobFailedError, JobCanceledError, JobExpiredError, ResultTimeoutError, UndecodablePayloadError
 */
export const awaitResult = async (
  doors: EndDoors,
  { id, queue }: { id: string; queue: string },
  timeoutMs: number,
): Promise<unknown> => {
  const deadlineMs = performance.now() + timeoutMs;
  const bell = new Bell();
  let isTold = false;
  const listening = doors.log.listenForJob(queue, id, (event) => {
    if (!terminal.has(event.kind)) return;
    isTold = true;
    bell.ring();
  });
  // Without events the looks at the hash bring it, later; Redis away shows there as well.
  listening.then(
    () => bell.ring(),
    () => bell.ring(),
  );
  try {
    // Events first, then the look: what happens in between is told by an event.
    await bell.wait(Math.min(timeoutMs, lastLookMs));
    for (let lookMs = firstLookMs; ; lookMs = Math.min(lookMs * 2, lastLookMs)) {
      const looking = look(doors, id, isTold);
      // Once: it may have been put back since, and what a slow network has not brought yet must not be asked for again.
      isTold = false;
      // Who does not wait wants to know all the same: a process that asks for thousands at once is busy with them.
      // Each command has a deadline of its own.
      const seen = await (timeoutMs === 0
        ? looking
        : within(Math.max(deadlineMs - performance.now(), shortestLookMs), looking));
      if (typeof seen === 'object' && seen) return seen.value;
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0) throw new ResultTimeoutError(id, timeoutMs, seen === 'not ended');
      await bell.wait(Math.min(lookMs, leftMs));
    }
  } finally {
    listening.then(
      (end) => end(),
      () => undefined,
    );
  }
};

// `isTold`: an event has said that it ended, so that the status need not be asked for first.
const look = async (
  { redis, ends }: EndDoors,
  id: string,
  isTold: boolean,
): Promise<{ value: unknown } | 'not ended' | null> => {
  try {
    if (!isTold) {
      const word = await ends.status(id);
      if (isJobStatus(word) && !isTerminal(word)) return 'not ended';
    }
    const end = await ends.end(id);
    if (end.status === '') await fetchJob(redis, id);
    if (end.status === 'canceled') throw new JobCanceledError(id);
    if (!isJobStatus(end.status) || !isTerminal(end.status)) return 'not ended';
    const result = resultOf(redis, id, end);
    if (result?.kind === 'returned') return { value: result.value };
    throw new JobFailedError(id, result?.traceback ?? '');
  } catch (error) {
    if (error instanceof NoSuchJobError) throw new JobExpiredError(id);
    // Redis is away: the deadline decides how long we wait for it.
    const mayComeBack = failureKind(error) === 'transient' && redis.status !== 'end';
    if (mayComeBack && !isOurs(error)) return null;
    throw error;
  }
};

const terminal = new Set<string>(terminalKinds);

const isOurs = (error: unknown): boolean =>
  error instanceof JobFailedError || error instanceof JobCanceledError;
