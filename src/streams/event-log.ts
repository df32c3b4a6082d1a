import type { Redis } from 'ioredis';
import { failureKind, pauseMs } from '../redis/failure.js';
import { keys } from '../redis/keys.js';
import { type LifecycleEvent, unfoldEntry } from '../redis/lifecycle-event.js';
import { plainKey } from '../redis/scan.js';
import { TransientMap } from '../redis/transient-map.js';
import { BlockingCaller } from './blocking-caller.js';
import {
  afterEntry,
  compareIds,
  type From,
  type LogEvent,
  type LogPage,
  logBegin,
  type Place,
  placeOf,
  readPage,
} from './log-page.js';

const blockMs = 5_000;
const entriesAtOnce = 200;
/** How long a log is still followed when nobody listens: the next listener often comes at once. */
const lingerMs = 2_000;

export type LogListener = (event: LogEvent) => void;

/** Told of events, or only that there is something new. */
type Ear = { hears: 'events'; tell: LogListener } | { hears: 'entries'; tell: () => void };

interface Listener {
  /** `null` until the place of "now" is known. */
  place: Place | null;
  ear: Ear;
  isOver: boolean;
}

/** One log that is being followed. */
interface Followed {
  queue: string;
  lastId: string;
  /** What comes after `lastId` may have been trimmed away: look before the next read is believed. */
  mayHaveGap: boolean;
  listeners: Set<Listener>;
  byJob: TransientMap<string, Set<LogListener>>;
  lingering: NodeJS.Timeout | null;
}

/**
 * Follows the event logs of any number of queues over one blocking connection, which is opened with the
 * first listener and closed after the last. Reading always goes on after an explicit id: whatever happens
 * to the connection, nothing is missed that the log still holds, and what it lost is told as a gap.
 */
export class EventLog {
  private readonly followed = new Map<string, Followed>();
  private caller: BlockingCaller | null = null;
  private reading = false;
  private closed = false;

  constructor(
    private readonly redis: Redis,
    private readonly openBlocking: () => Redis,
    private readonly onTrouble: (error: unknown) => void,
  ) {}

  /** The id of the newest entry: what comes after it is new. `0-0` for a log that does not exist. */
  async position(queue: string): Promise<string> {
    try {
      const info = (await this.redis.call('XINFO', 'STREAM', keys.events(queue))) as unknown[];
      return String(info[info.indexOf('last-generated-id') + 1]);
    } catch (error) {
      if (error instanceof Error && /no such key/i.test(error.message)) return logBegin.entryId;
      throw error;
    }
  }

  /**
   * Listens from a place on, in the order of the log, and waits while Redis is away. Returns what ends it.
   * "Now" is asked for at once: a command given to the same connection later comes after it.
   *
   * @throws RangeError for a cursor that is none
   */
  listen(queue: string, from: From, tell: LogListener): () => void {
    const place = from === 'now' ? null : from === 'start' ? logBegin : placeOf(from);
    return this.admit(queue, { place, ear: { hears: 'events', tell }, isOver: false });
  }

  /** Tells whenever the log has something new, and not what. Returns what ends it. */
  watch(queue: string, tell: () => void): () => void {
    return this.admit(queue, { place: null, ear: { hears: 'entries', tell }, isOver: false });
  }

  /**
   * Listens for one job only, from now on. Cheap in any number: listeners are found by id, not by asking
   * each. Resolves once nothing can be missed, with what ends it.
   *
   * @throws what Redis throws when the position cannot be read
   */
  async listenForJob(queue: string, jobId: string, listen: LogListener): Promise<() => void> {
    if (!this.followed.has(queue)) {
      const lastId = await this.position(queue);
      if (!this.followed.has(queue)) this.follow(queue, lastId);
    }
    const feed = this.followed.get(queue) as Followed;
    const listeners = feed.byJob.get(jobId) ?? new Set();
    feed.byJob.set(jobId, listeners.add(listen));
    return () => {
      listeners.delete(listen);
      if (listeners.size === 0 && feed.byJob.get(jobId) === listeners) feed.byJob.delete(jobId);
      this.linger(feed);
    };
  }

  close(): void {
    this.closed = true;
    for (const { lingering } of this.followed.values()) if (lingering) clearTimeout(lingering);
    this.followed.clear();
    this.caller?.close();
    this.caller = null;
  }

  private admit(queue: string, listener: Listener): () => void {
    void this.join(queue, listener);
    return () => {
      listener.isOver = true;
      const feed = this.followed.get(queue);
      feed?.listeners.delete(listener);
      if (feed) this.linger(feed);
    };
  }

  // A listener reads by itself what the shared reader has passed already, then joins it. Between the last
  // look and joining there is no await, so that nothing falls between the two.
  private async join(queue: string, listener: Listener): Promise<void> {
    for (let tries = 1; this.isWanted(listener); tries++) {
      try {
        if (!listener.place) {
          listener.place = afterEntry(await this.position(queue));
          if (!this.isWanted(listener)) return;
          if (!this.followed.has(queue)) this.follow(queue, listener.place.entryId);
        }
        const feed = this.followed.get(queue);
        if (feed && isUpWith(listener.place, feed.lastId)) {
          feed.listeners.add(listener);
          return;
        }
        const page = await readPage(this.redis, queue, listener.place, entriesAtOnce);
        tries = 0;
        if (this.isWanted(listener)) this.deliverPage(queue, listener, listener.place, page);
      } catch (error) {
        await this.pauseAfter(error, tries);
      }
    }
  }

  private deliverPage(queue: string, listener: Listener, place: Place, page: LogPage): void {
    const { ear } = listener;
    if (ear.hears === 'events') {
      if (page.gap) ear.tell(page.gap);
      for (const [, events] of page.entries)
        for (const event of events) tellIf(listener, ear, event);
    }
    listener.place = afterEntry(page.entries.at(-1)?.[0] ?? place.entryId);
    if (!page.isLast || this.followed.has(queue)) return;
    const feed = this.follow(queue, listener.place.entryId);
    feed.mayHaveGap = !page.hasPlace && page.entries.length === 0;
  }

  private isWanted(listener: Listener): boolean {
    return !listener.isOver && !this.closed;
  }

  private follow(queue: string, lastId: string): Followed {
    const feed: Followed = {
      queue,
      lastId,
      mayHaveGap: false,
      listeners: new Set(),
      byJob: new TransientMap(),
      lingering: null,
    };
    this.followed.set(queue, feed);
    if (!this.reading) void this.read();
    // The read under way does not know this log yet.
    else this.unblock();
    return feed;
  }

  private linger(feed: Followed): void {
    if (isListenedTo(feed) || feed.lingering || this.closed) return;
    feed.lingering = setTimeout(() => {
      feed.lingering = null;
      if (isListenedTo(feed) || this.followed.get(feed.queue) !== feed) return;
      this.followed.delete(feed.queue);
      if (this.followed.size > 0) return;
      this.caller?.close();
      this.caller = null;
    }, lingerMs);
    feed.lingering.unref();
  }

  private async read(): Promise<void> {
    this.reading = true;
    for (let tries = 1; this.followed.size > 0 && !this.closed; tries++) {
      try {
        await this.readOnce();
        tries = 0;
      } catch (error) {
        if (this.closed || this.followed.size === 0) break;
        for (const feed of this.followed.values()) feed.mayHaveGap = true;
        await this.pauseAfter(error, tries);
      }
    }
    this.reading = false;
  }

  private async readOnce(): Promise<void> {
    this.caller ??= new BlockingCaller(this.openBlocking());
    const feeds = [...this.followed.values()];
    for (const feed of feeds) if (feed.mayHaveGap) await this.catchUp(feed);
    const reply = (await this.caller.call(blockMs, [
      'XREAD',
      'COUNT',
      entriesAtOnce,
      'BLOCK',
      blockMs,
      'STREAMS',
      ...feeds.map(({ queue }) => keys.events(queue)),
      ...feeds.map(({ lastId }) => lastId),
    ])) as Array<[Buffer, Array<[Buffer, Buffer[]]>]> | null;
    for (const [key, entries] of reply ?? []) {
      const name = String(plainKey(this.redis, key));
      const feed = feeds.find(({ queue }) => keys.events(queue) === name) as Followed;
      // A log that was gone at the last look: what came since is read with a look at what it lacks.
      if (feed.mayHaveGap) continue;
      for (const [id, fields] of entries) publishRaw(feed, String(id), fields);
      // Far behind: the log may be trimmed faster than we read.
      feed.mayHaveGap = entries.length === entriesAtOnce;
    }
  }

  private async catchUp(feed: Followed): Promise<void> {
    for (let isLast = false; !isLast; ) {
      const page = await readPage(this.redis, feed.queue, afterEntry(feed.lastId), entriesAtOnce);
      if (page.gap) for (const listener of [...feed.listeners]) tellGap(listener, page.gap);
      for (const [id, events] of page.entries) publish(feed, id, events);
      feed.mayHaveGap = !page.hasPlace && page.entries.length === 0;
      isLast = page.isLast;
    }
  }

  private async pauseAfter(error: unknown, tries: number): Promise<void> {
    const isTransient = failureKind(error) === 'transient';
    // Streams of events never err, so that this is the only place where a missing right is heard of.
    if (!isTransient && !this.closed) this.onTrouble(error);
    const ms = isTransient ? pauseMs(tries) : 2_000;
    await new Promise((resolve) => setTimeout(resolve, ms));
  }

  private unblock(): void {
    const clientId = this.caller?.blockedId;
    // When this fails the read ends by itself within its block time, and the next one knows all logs.
    if (clientId) this.redis.client('UNBLOCK', clientId).catch(() => undefined);
  }
}

const isListenedTo = (feed: Followed): boolean => feed.listeners.size > 0 || feed.byJob.size > 0;

const isUpWith = (place: Place, lastId: string): boolean =>
  place.seen === Number.POSITIVE_INFINITY && compareIds(place.entryId, lastId) >= 0;

const tellIf = (listener: Listener, ear: Ear & { hears: 'events' }, event: LogEvent): void => {
  // It may have left while the events of one entry were told.
  if (!listener.isOver) ear.tell(event);
};

const tellGap = (listener: Listener, gap: LogEvent & { kind: 'gap' }): void => {
  const { ear, place } = listener;
  const isBehind = place !== null && compareIds(place.entryId, gap.before) < 0;
  if (ear.hears === 'events' && isBehind) tellIf(listener, ear, gap);
};

// Entries that nobody wants to know are not unfolded.
const publishRaw = (feed: Followed, id: string, fields: readonly Buffer[]): void => {
  const wanted =
    feed.byJob.size > 0 || [...feed.listeners].some(({ ear }) => ear.hears === 'events');
  publish(feed, id, wanted ? unfoldEntry(feed.queue, id, fields.map(String)) : []);
};

const publish = (feed: Followed, id: string, events: readonly LifecycleEvent[]): void => {
  feed.lastId = id;
  for (const listener of [...feed.listeners]) {
    // Its begin may lie ahead of the shared reader.
    if (!listener.place || compareIds(id, listener.place.entryId) <= 0) continue;
    listener.place = afterEntry(id);
    const { ear } = listener;
    if (ear.hears === 'entries') ear.tell();
    else for (const event of events) tellIf(listener, ear, event);
  }
  if (feed.byJob.size === 0) return;
  for (const event of events) {
    const listeners = feed.byJob.get(event.jobId);
    if (listeners) for (const listen of [...listeners]) listen(event);
  }
};
