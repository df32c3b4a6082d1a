import type { Redis } from 'ioredis';
import { keys } from '../keys.js';
import { type LifecycleEvent, unfoldEntry } from '../lifecycle-event.js';
import { fromTimestamp } from '../timestamp.js';
import { isWrongType } from '../wrong-type.js';
import { bytes } from './chunks.js';
import type { AuditCode, Suspicion } from './finding.js';

const entriesAtOnce = 500;

/** What the logs of all queues say. */
export interface LogReading {
  suspicions: Suspicion[];
  /** The last attempt that was started, by job, and when (Redis' clock, milliseconds). */
  attempts: Map<string, { attempt: number; atMs: number }>;
  events: number;
}

/**
 * Reads the event logs and holds each job's story against the rules. What was written is final, so one look is
 * enough. A log tells nothing of what Python did: a job may start anew at attempt 1, or come from anywhere.
 */
export const judgeLogs = async (redis: Redis, queues: Iterable<string>): Promise<LogReading> => {
  const reading: LogReading = { suspicions: [], attempts: new Map(), events: 0 };
  const counted = new Counts();
  const before = await readCounts(redis);
  let isWhole = true;
  for (const queue of queues) {
    const story = new Story(queue, reading, await isUntrimmed(redis, queue));
    isWhole &&= story.isWhole;
    for (let from = '-'; ; ) {
      const entries = (await redis
        .call('XRANGE', bytes(keys.events(queue)), from, '+', 'COUNT', entriesAtOnce)
        .catch(notAStream)) as Array<[string, string[]]>;
      for (const [entryId, fields] of entries) {
        for (const event of unfoldEntry(queue, entryId, fields)) {
          reading.events += 1;
          story.tell(event);
          counted.count(event);
        }
      }
      if (entries.length < entriesAtOnce) break;
      from = `(${entries.at(-1)?.[0]}`;
    }
  }
  if (isWhole) reading.suspicions.push(...counted.compare(before, await readCounts(redis)));
  return reading;
};

const notAStream = (error: Error): [] => {
  if (isWrongType(error)) return []; // Reported with the other keys of a wrong type.
  throw error;
};

const suspect = (
  code: AuditCode,
  id: string | null,
  queue: string | null,
  text: string,
): Suspicion => ({
  code,
  id,
  queue,
  fact: `${code} ${text}`,
  seen: text,
  remedy: null,
  mend: null,
});

/** Nothing was trimmed away: what is not told did not happen, at least not by us. Redis 7 says so. */
const isUntrimmed = async (redis: Redis, queue: string): Promise<boolean> => {
  const info = (await redis
    .call('XINFO', 'STREAM', bytes(keys.events(queue)))
    .catch(() => [])) as unknown[];
  const of = (name: string): unknown => info[info.indexOf(name) + 1];
  return info.includes('entries-added') && of('entries-added') === of('length');
};

class Story {
  private readonly started = new Set<string>();
  private readonly ended = new Map<string, string>();

  constructor(
    private readonly queue: string,
    private readonly reading: LogReading,
    readonly isWhole: boolean,
  ) {}

  tell(event: LifecycleEvent): void {
    const { jobId } = event;
    switch (event.kind) {
      case 'enqueued':
      case 'deferred':
      case 'deleted':
        this.reading.attempts.delete(jobId);
        break;
      case 'started': {
        if (this.started.has(event.execution))
          this.report(jobId, `execution ${event.execution} started twice`);
        this.started.add(event.execution);
        const last = this.reading.attempts.get(jobId);
        // A job that Python makes anew under an old id begins at 1 again.
        if (last && event.attempt <= last.attempt && event.attempt !== 1) {
          this.report(jobId, `attempt ${event.attempt} started after attempt ${last.attempt}`);
        }
        this.reading.attempts.set(jobId, { attempt: event.attempt, atMs: event.at });
        break;
      }
      case 'finished':
      case 'failed':
      case 'stopped':
        if (this.isWhole && !this.started.has(event.execution)) {
          this.report(jobId, `execution ${event.execution} ${event.kind} and never started`);
        }
        this.end(jobId, event.execution, event.kind);
        break;
      case 'recovered':
      case 'handedBack':
        if (event.execution !== '') this.end(jobId, event.execution, event.kind);
        break;
    }
  }

  private end(jobId: string, execution: string, kind: string): void {
    const before = this.ended.get(execution);
    if (before) this.report(jobId, `execution ${execution} ended twice: ${before}, then ${kind}`);
    this.ended.set(execution, kind);
  }

  private report(jobId: string, text: string): void {
    this.reading.suspicions.push(suspect('A18', jobId, this.queue, text));
  }
}

interface WorkerCounts {
  bornMs: number;
  finished: number;
  failed: number;
}

class Counts {
  private readonly told = new Map<string, Array<{ atMs: number; kind: 'finished' | 'failed' }>>();

  count(event: LifecycleEvent): void {
    if (event.worker === '') return;
    // A stopped job is counted as a failed one, as RQ counts it.
    const kind = event.kind === 'stopped' ? 'failed' : event.kind;
    if (kind !== 'finished' && kind !== 'failed') return;
    const of = this.told.get(event.worker) ?? [];
    of.push({ atMs: event.at, kind });
    this.told.set(event.worker, of);
  }

  // Only of workers whose counts stood still while the logs were read: the others have moved on.
  compare(before: Map<string, WorkerCounts>, after: Map<string, WorkerCounts>): Suspicion[] {
    const found: Suspicion[] = [];
    for (const [worker, counts] of before) {
      const later = after.get(worker);
      if (
        !later ||
        later.finished !== counts.finished ||
        later.failed !== counts.failed ||
        later.bornMs !== counts.bornMs
      )
        continue;
      for (const kind of ['finished', 'failed'] as const) {
        const told = (this.told.get(worker) ?? []).filter(
          (one) => one.kind === kind && one.atMs >= counts.bornMs,
        ).length;
        if (told !== counts[kind]) {
          found.push(
            suspect(
              'A17',
              null,
              null,
              `worker ${worker} counts ${counts[kind]} ${kind}, the logs tell of ${told}`,
            ),
          );
        }
      }
    }
    return found;
  }
}

// Python's workers write no events of ours, and their counts are theirs.
const readCounts = async (redis: Redis): Promise<Map<string, WorkerCounts>> => {
  const found = new Map<string, WorkerCounts>();
  const workers = await redis.smembers(keys.workers).catch(notAStream);
  const fields = ['birth', 'successful_job_count', 'failed_job_count', 'version'] as const;
  const replies =
    (await redis.pipeline(workers.map((worker) => ['hmget', worker, ...fields])).exec()) ?? [];
  workers.forEach((worker, at) => {
    const [error, values] = replies[at] ?? [null, null];
    if (error) return;
    const [birth, finished, failed, version] = values as Array<string | null>;
    const bornMs = fromTimestamp(birth ?? undefined)?.getTime();
    if (bornMs === undefined || version !== 'rxrq') return;
    found.set(worker.slice('rq:worker:'.length), {
      bornMs,
      finished: Number(finished ?? 0),
      failed: Number(failed ?? 0),
    });
  });
  return found;
};
