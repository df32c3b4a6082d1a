import type { Redis } from 'ioredis';
import { Observable, takeUntil } from 'rxjs';
import { NoSuchJobError } from '../redis/errors.js';
import type { JobRecord } from '../redis/job-record.js';
import { isTerminal } from '../redis/job-status.js';
import { fetchJobs } from '../redis/job-store.js';
import {
  type LifecycleEvent,
  type LifecycleKind,
  terminalKinds,
} from '../redis/lifecycle-event.js';
import { refuse } from '../redis/wrong-type.js';
import { Bell } from './bell.js';
import type { EventLog } from './event-log.js';
import { insist } from './insist.js';
import { afterEntry, logBegin, type Place, readPage } from './log-page.js';

const entriesAtOnce = 200;
/** Python's workers write no events: the hash is looked at in between, in milliseconds. */
const lookMs = 2_000;

const terminal = new Set<LifecycleKind>(terminalKinds);
/** What comes after an end is a postscript, but for these. */
const reopening = new Set<LifecycleKind>([
  'enqueued',
  'scheduled',
  'deferred',
  'rateLimited',
  'released',
  'requeued',
  'retried',
  'repeated',
  'recovered',
  'started',
]);

interface StoryDoors {
  redis: Redis;
  log: EventLog;
  closed$: Observable<void>;
  onTrouble(error: unknown): void;
}

/** A job's events from the log, then those that come, up to its end. See `Job.events$`. */
export const storyOf = (doors: StoryDoors, queue: string, id: string): Observable<LifecycleEvent> =>
  new Observable<LifecycleEvent>((subscriber) => {
    const leaving = new AbortController();
    const teller = new Teller(doors, queue, id, leaving.signal, (event) => subscriber.next(event));
    teller.tell().then(
      () => subscriber.complete(),
      (error) => leaving.signal.aborted || subscriber.error(error),
    );
    return () => leaving.abort();
  }).pipe(takeUntil(doors.closed$));

class Teller {
  private readonly bell = new Bell();
  private live: LifecycleEvent[] = [];
  private place: Place = logBegin;
  private ended = false;
  private lastCursor = '';
  private readonly seen = new Set<string>();

  constructor(
    private readonly doors: StoryDoors,
    private readonly queue: string,
    private readonly id: string,
    private readonly signal: AbortSignal,
    private readonly next: (event: LifecycleEvent) => void,
  ) {}

  async tell(): Promise<void> {
    this.signal.addEventListener('abort', () => this.bell.ring());
    const listen = () =>
      this.doors.log.listenForJob(this.queue, this.id, (event) => {
        if (event.kind !== 'gap') this.live.push(event);
        this.bell.ring();
      });
    const endListening = await this.ask(listen);
    try {
      await this.replay();
      while (!this.ended && !this.signal.aborted) {
        const record = await this.ask(
          async () => (await fetchJobs(this.doors.redis, [this.id], refuse))[0],
        );
        const isOver = !record || (record.status !== null && isTerminal(record.status));
        if (isOver) {
          const told = this.seen.size;
          // State and event were written together: the event is in the log, unless that was trimmed.
          await this.replay();
          if (this.seen.size === told) return this.tellEnd(record ?? null);
        } else if (this.live.length === 0) {
          await this.bell.wait(lookMs);
        }
        this.passLive();
      }
    } finally {
      endListening();
    }
  }

  private ask<T>(question: () => Promise<T>): Promise<T> {
    return insist(question, this.signal, this.doors.onTrouble);
  }

  private async replay(): Promise<void> {
    for (let isLast = false; !isLast && !this.signal.aborted; ) {
      const { redis } = this.doors;
      const page = await this.ask(() =>
        readPage(redis, this.queue, this.place, entriesAtOnce, this.id),
      );
      for (const [, events] of page.entries) {
        for (const event of events) if (event.jobId === this.id) this.pass(event);
      }
      this.place = afterEntry(page.entries.at(-1)?.[0] ?? this.place.entryId);
      isLast = page.isLast;
    }
    this.passLive();
  }

  private passLive(): void {
    for (const event of this.live.splice(0)) this.pass(event);
  }

  // Replay and live overlap: each event has one cursor.
  private pass(event: LifecycleEvent): void {
    if (this.seen.has(event.cursor) || this.signal.aborted) return;
    this.seen.add(event.cursor);
    this.lastCursor = event.cursor;
    if (terminal.has(event.kind)) this.ended = true;
    else if (reopening.has(event.kind)) this.ended = false;
    this.next(event);
  }

  private tellEnd(record: JobRecord | null): void {
    if (!record && this.seen.size === 0) throw new NoSuchJobError(this.id);
    const end = record && endOf(record, this.queue, this.lastCursor);
    if (end) this.next(end);
  }
}

const endOf = (record: JobRecord, queue: string, cursor: string): LifecycleEvent | null => {
  const { id: jobId, endedAt, startedAt, workerName: worker } = record;
  const at = endedAt?.getTime() ?? 0;
  const common = { queue, jobId, at, cursor, worker };
  if (record.status === 'finished') {
    return {
      ...common,
      kind: 'finished',
      execution: '',
      tookMs: at - (startedAt?.getTime() ?? at),
    };
  }
  if (record.status === 'failed' || record.status === 'stopped') {
    const lastLine = record.excInfo.trim().split('\n').at(-1) ?? '';
    return { ...common, kind: 'quarantined', reason: lastLine || `status ${record.status}` };
  }
  return record.status === 'canceled' ? { ...common, kind: 'canceled' } : null;
};
