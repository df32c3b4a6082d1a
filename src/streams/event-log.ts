import type { Redis } from 'ioredis';
import { failureKind, pauseMs } from '../redis/failure.js';
import { keys } from '../redis/keys.js';
import { type Cursor, type LifecycleEvent, parseCursor, unfoldEntry } from '../redis/lifecycle-event.js';
import { BlockingCaller } from './blocking-caller.js';

const blockMs = 5_000;
const entriesAtOnce = 500;

/** The log was trimmed past the place where reading was to go on: events between the two are lost to this reader. */
export interface GapEvent {
  kind: 'gap';
  queue: string;
  after: Cursor;
  before: Cursor;
}

export type LogEvent = LifecycleEvent | GapEvent;
export type LogListener = (event: LogEvent) => void;

/** One stream that is being followed. */
interface Followed {
  queue: string;
  lastId: string;
  /** The place before `lastId` may have been trimmed away: look before the next read is believed. */
  mayHaveGap: boolean;
  listeners: Set<{ afterId: string; seen: number; listen: LogListener }>;
  byJob: Map<string, Set<LogListener>>;
}

const compareIds = (a: string, b: string): number => {
  const [aMs = '0', aSeq = '0'] = a.split('-');
  const [bMs = '0', bSeq = '0'] = b.split('-');
  return Number(aMs) - Number(bMs) || Number(aSeq) - Number(bSeq);
};

/**
 * Follows the event logs of any number of queues over one blocking connection, which is opened with the
 * first listener and closed with the last. Reading always goes on after an explicit id: whatever happens to
 * the connection, nothing is missed that the log still holds.
 */
export class EventLog {
  private readonly followed = new Map<string, Followed>();
  private caller: BlockingCaller | null = null;
  private reading = false;
  private closed = false;

  constructor(
    private readonly redis: Redis,
    private readonly openBlocking: () => Redis,
  ) {}

  /** The id of the newest entry: what comes after it is new. `0-0` for a log that does not exist. */
  async position(queue: string): Promise<string> {
    const info = await this.info(queue);
    return info?.lastId ?? '0-0';
  }

  /**
   * Listens to a queue from a place on. Resolves with a function that ends it, once the place is fixed and no
   * later event can be missed. The listener is called in the order of the log.
   *
   * @throws RangeError for a cursor that is none; what Redis throws when the position cannot be read.
   */
  async listen(queue: string, from: 'now' | 'start' | Cursor, listen: LogListener): Promise<() => void> {
    let afterId = from === 'start' ? '0-0' : '';
    let seen = Number.MAX_SAFE_INTEGER;
    let mayHaveGap = false;
    if (from === 'now') {
      afterId = await this.position(queue);
    } else if (from !== 'start') {
      const cursor = parseCursor(from);
      if (!cursor) throw new RangeError(`${JSON.stringify(from)} is no cursor of an event log`);
      seen = cursor.seen;
      // Its own entry is read again, for the events in it that were not seen yet.
      afterId = seen === Number.MAX_SAFE_INTEGER ? cursor.entryId : before(cursor.entryId);
      mayHaveGap = true;
    }
    const listener = { afterId, seen, listen };
    const feed = this.followed.get(queue);
    if (!feed) {
      this.follow({ queue, lastId: afterId, mayHaveGap, listeners: new Set([listener]), byJob: new Map() });
    } else {
      if (compareIds(afterId, feed.lastId) < 0) await this.catchUp(feed, listener, mayHaveGap);
      feed.listeners.add(listener);
    }
    return () => {
      const current = this.followed.get(queue);
      current?.listeners.delete(listener);
      this.prune(queue);
    };
  }

  /** Listens for one job only, from now on. Cheap in any number: watchers are found by id, not by asking each. */
  async listenForJob(queue: string, jobId: string, listen: LogListener): Promise<() => void> {
    if (!this.followed.has(queue)) {
      const lastId = await this.position(queue);
      if (!this.followed.has(queue)) {
        this.follow({ queue, lastId, mayHaveGap: false, listeners: new Set(), byJob: new Map([[jobId, new Set([listen])]]) });
      }
    }
    const byJob = (this.followed.get(queue) as Followed).byJob;
    const watchers = byJob.get(jobId) ?? new Set();
    byJob.set(jobId, watchers.add(listen));
    return () => {
      watchers.delete(listen);
      if (watchers.size === 0) byJob.delete(jobId);
      this.prune(queue);
    };
  }

  /** Reads what the log holds between two places, oldest first, in pages. */
  async *replay(queue: string, afterId: string, untilId = '+'): AsyncGenerator<LifecycleEvent> {
    let from = afterId;
    for (;;) {
      const page = (await this.redis.call('XRANGE', keys.events(queue), `(${from}`, untilId, 'COUNT', entriesAtOnce)) as Entry[];
      for (const [id, fields] of page) yield* unfoldEntry(queue, id, fields);
      const last = page.at(-1);
      if (!last || page.length < entriesAtOnce) return;
      from = last[0];
    }
  }

  close(): void {
    this.closed = true;
    this.followed.clear();
    this.caller?.close();
    this.caller = null;
  }

  private follow(feed: Followed): void {
    this.followed.set(feed.queue, feed);
    if (!this.reading) void this.read();
    // The read under way does not know this log yet.
    else this.unblock();
  }

  private prune(queue: string): void {
    const feed = this.followed.get(queue);
    if (!feed || feed.listeners.size > 0 || feed.byJob.size > 0) return;
    this.followed.delete(queue);
    if (this.followed.size > 0) return;
    this.caller?.close();
    this.caller = null;
  }

  // A late listener reads by itself what the shared reader has passed already, then joins it. Between the
  // last look and joining there is no await, so that nothing falls between the two.
  private async catchUp(feed: Followed, listener: { afterId: string; seen: number; listen: LogListener }, mayHaveGap: boolean): Promise<void> {
    if (mayHaveGap) await this.reportGap(feed.queue, listener.afterId, listener.listen);
    while (compareIds(listener.afterId, feed.lastId) < 0) {
      const page = (await this.redis.call(
        'XRANGE',
        keys.events(feed.queue),
        `(${listener.afterId}`,
        feed.lastId,
        'COUNT',
        entriesAtOnce,
      )) as Entry[];
      for (const [id, fields] of page) deliver(listener, id, unfoldEntry(feed.queue, id, fields));
      if (page.length === 0) listener.afterId = feed.lastId;
    }
  }

  private async read(): Promise<void> {
    this.reading = true;
    for (let tries = 0; this.followed.size > 0 && !this.closed; ) {
      try {
        await this.readOnce();
        tries = 0;
      } catch (error) {
        tries += 1;
        for (const feed of this.followed.values()) feed.mayHaveGap = true;
        // Nobody can be told through a stream that never errors; a wrong password shows at the first command.
        await new Promise((resolve) => setTimeout(resolve, failureKind(error) === 'transient' ? pauseMs(tries) : 2_000));
      }
    }
    this.reading = false;
    if (this.followed.size > 0 && !this.closed) void this.read();
  }

  private async readOnce(): Promise<void> {
    this.caller ??= new BlockingCaller(this.openBlocking());
    const feeds = [...this.followed.values()];
    for (const feed of feeds) {
      if (!feed.mayHaveGap) continue;
      await this.reportGap(feed.queue, feed.lastId, (gap) => publish(feed, gap));
      feed.mayHaveGap = false;
    }
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
      const feed = feeds.find(({ queue }) => keys.events(queue) === String(key)) as Followed;
      for (const [idBytes, fields] of entries) {
        const id = String(idBytes);
        feed.lastId = id;
        publishEntry(feed, id, unfoldEntry(feed.queue, id, fields.map(String)));
      }
      // Far behind: the log may be trimmed faster than we read.
      if (entries.length === entriesAtOnce) feed.mayHaveGap = true;
    }
  }

  private unblock(): void {
    const clientId = this.caller?.blockedId;
    // When this fails the read ends by itself within its block time, and the next one knows all logs.
    if (clientId) this.redis.client('UNBLOCK', clientId).catch(() => undefined);
  }

  private async reportGap(queue: string, afterId: string, listen: (gap: GapEvent) => void): Promise<void> {
    if (afterId === '0-0') return;
    const info = await this.info(queue);
    if (!info?.firstId || compareIds(info.firstId, afterId) <= 0) return;
    const own = (await this.redis.call('XRANGE', keys.events(queue), afterId, afterId)) as Entry[];
    // An empty log has no first entry; a log whose first one is newer than ours was trimmed past it.
    if (own.length === 0 && info.trimmed) listen({ kind: 'gap', queue, after: afterId, before: info.firstId });
  }

  private async info(queue: string): Promise<{ lastId: string; firstId: string | null; trimmed: boolean } | null> {
    try {
      const flat = (await this.redis.call('XINFO', 'STREAM', keys.events(queue))) as unknown[];
      const field = (name: string): unknown => flat[flat.indexOf(name) + 1];
      const first = field('first-entry') as Entry | null;
      return {
        lastId: String(field('last-generated-id')),
        firstId: first?.[0] ?? null,
        trimmed: Number(field('entries-added') ?? 1) > Number(field('length')),
      };
    } catch (error) {
      if (error instanceof Error && /no such key/i.test(error.message)) return null;
      throw error;
    }
  }
}

type Entry = [id: string, fields: string[]];

const before = (id: string): string => {
  const [ms = '0', seq = '0'] = id.split('-');
  return seq !== '0' ? `${ms}-${BigInt(seq) - 1n}` : `${BigInt(ms) - 1n}-18446744073709551615`;
};

const deliver = (
  listener: { afterId: string; seen: number; listen: LogListener },
  id: string,
  events: readonly LifecycleEvent[],
): void => {
  if (compareIds(id, listener.afterId) <= 0) return;
  // A cursor points into an entry: the first `seen` events of just that entry were delivered before.
  const skip = listener.seen === Number.MAX_SAFE_INTEGER ? 0 : listener.seen;
  listener.afterId = id;
  listener.seen = Number.MAX_SAFE_INTEGER;
  for (let i = skip; i < events.length; i++) listener.listen(events[i] as LifecycleEvent);
};

const publishEntry = (feed: Followed, id: string, events: readonly LifecycleEvent[]): void => {
  for (const listener of [...feed.listeners]) deliver(listener, id, events);
  if (feed.byJob.size === 0) return;
  for (const event of events) {
    const watchers = feed.byJob.get(event.jobId);
    if (watchers) for (const listen of [...watchers]) listen(event);
  }
};

const publish = (feed: Followed, gap: GapEvent): void => {
  for (const { listen } of [...feed.listeners]) listen(gap);
};
