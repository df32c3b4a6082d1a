import type { Redis } from 'ioredis';
import { Observable, takeUntil } from 'rxjs';
import { type FinishedResult, fetchResults } from '../redis/finished-results.js';
import type { Cursor, EventOf, LifecycleEvent } from '../redis/lifecycle-event.js';
import { Bell } from './bell.js';
import type { EventLog } from './event-log.js';
import { insist } from './insist.js';
import {
  afterEntry,
  type From,
  type GapEvent,
  logBegin,
  type Place,
  placeOf,
  readPage,
} from './log-page.js';

/** Entries of the log in one read; each holds up to a hundred events. */
const entriesAtOnce = 20;
/** Results in one round trip, and in memory at a time. */
const resultsAtOnce = 100;
/** Without a sign from the log it is looked at all the same, in milliseconds. */
const lookMs = 5_000;

/** A finished job and what it returned. */
export interface Result<T = unknown> {
  kind: 'result';
  queue: string;
  jobId: string;
  value: T;
  /** Resume after it. */
  cursor: Cursor;
  finishedAt: Date;
}

/** A job finished, and its result cannot be had: it was kept shorter than it took to be read, or is unreadable. */
export interface MissingResult {
  kind: 'missing';
  queue: string;
  jobId: string;
  /** `runs again`: another job was enqueued under the same id meanwhile. */
  why: 'expired' | 'undecodable' | 'runs again';
  cause?: unknown;
  cursor: Cursor;
  finishedAt: Date;
}

export type ResultEvent<T = unknown> = Result<T> | MissingResult | GapEvent;

/** Results in order, and the place after them; without any when only other events were passed. */
export interface ResultPage<T = unknown> {
  items: ReadonlyArray<ResultEvent<T>>;
  cursor: Cursor;
}

export interface ResultDoors {
  redis: Redis;
  log: EventLog;
  closed$: Observable<void>;
  onTrouble(error: unknown): void;
}

/** Reads a queue's results page by page, each when it is asked for: nothing is fetched ahead. */
export class ResultReader<T = unknown> {
  private readonly bell = new Bell();
  private pending: Array<EventOf<'finished'> | GapEvent> = [];
  private isClosed = false;
  private readonly endWatching: () => void;
  private readonly onAbort = (): void => {
    this.endWatching();
    this.bell.ring();
  };

  constructor(
    private readonly doors: ResultDoors,
    private readonly queue: string,
    private place: Place,
    private readonly signal: AbortSignal,
  ) {
    this.endWatching = doors.log.watch(queue, () => this.bell.ring());
    signal.addEventListener('abort', this.onAbort);
  }

  /** The next page; waits until there is one. One call at a time. @throws the signal's reason once it is aborted */
  async next(): Promise<ResultPage<T>> {
    while (this.pending.length === 0 && !this.isClosed) {
      if (await this.readLog()) break;
      this.signal.throwIfAborted();
      await this.bell.wait(lookMs);
    }
    const part = this.pending.splice(0, resultsAtOnce);
    const last = part.at(-1);
    const isCut = this.pending.length > 0 && last !== undefined && last.kind !== 'gap';
    return { items: await this.fetch(part), cursor: isCut ? last.cursor : this.place.entryId };
  }

  /** Ends a `next` that waits, too: its timer would hold up a process that is done. */
  close(): void {
    this.isClosed = true;
    this.endWatching();
    this.signal.removeEventListener('abort', this.onAbort);
    this.bell.ring();
  }

  private ask<Answer>(question: () => Promise<Answer>): Promise<Answer> {
    return insist(question, this.signal, this.doors.onTrouble);
  }

  // Whether there was anything, if only events of other kinds: the place moved past them.
  private async readLog(): Promise<boolean> {
    const { redis } = this.doors;
    const page = await this.ask(() => readPage(redis, this.queue, this.place, entriesAtOnce));
    const last = page.entries.at(-1)?.[0];
    if (last === undefined) return false;
    if (page.gap) this.pending.push(page.gap);
    for (const [, events] of page.entries) this.pending.push(...events.filter(isFinished));
    this.place = afterEntry(last);
    return true;
  }

  private async fetch(
    events: ReadonlyArray<EventOf<'finished'> | GapEvent>,
  ): Promise<Array<ResultEvent<T>>> {
    const ids = events.filter(isFinished).map(({ jobId }) => jobId);
    const results = (await this.ask(() => fetchResults(this.doors.redis, ids)))[Symbol.iterator]();
    return events.map((event) => {
      if (event.kind === 'gap') return event;
      const { queue, jobId, cursor, at } = event;
      const found = results.next().value as FinishedResult;
      const common = { queue, jobId, cursor, finishedAt: new Date(at) };
      return found.kind === 'value'
        ? { ...common, kind: 'result', value: found.value as T }
        : { ...common, ...found };
    });
  }
}

const isFinished = (event: LifecycleEvent | GapEvent): event is EventOf<'finished'> =>
  event.kind === 'finished';

/**
 * The results of a queue's finished jobs, in the order in which they finished. Cold. Reads a page when the one
 * before was taken. Waits while Redis is away, errors only with what no waiting mends, and completes when its
 * `Rq` is closed.
 *
 * @throws RangeError for a cursor that is none
 */
export const resultsOf = <T>(
  doors: ResultDoors,
  queue: string,
  from: From,
): Observable<ResultEvent<T>> => {
  const place = from === 'now' ? null : from === 'start' ? logBegin : placeOf(from);
  return new Observable<ResultEvent<T>>((subscriber) => {
    const leaving = new AbortController();
    const { signal } = leaving;
    const read = async (): Promise<void> => {
      const now = () => doors.log.position(queue).then(afterEntry);
      const begin = place ?? (await insist(now, signal, doors.onTrouble));
      const reader = new ResultReader<T>(doors, queue, begin, signal);
      try {
        while (!signal.aborted) {
          for (const item of (await reader.next()).items) subscriber.next(item);
        }
      } finally {
        reader.close();
      }
    };
    read().catch((error) => signal.aborted || subscriber.error(error));
    return () => leaving.abort();
  }).pipe(takeUntil(doors.closed$));
};
