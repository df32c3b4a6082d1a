import type { Redis } from 'ioredis';
import { keys } from '../redis/keys.js';
import {
  type Cursor,
  type LifecycleEvent,
  parseCursor,
  unfoldEntry,
} from '../redis/lifecycle-event.js';

/** Past any stream id Redis answers with an error, for all logs of the same read. */
const mostInId = 2n ** 64n - 1n;

/** The log was trimmed, or lost, past the place where reading was to go on: events in between may be missing. */
export interface GapEvent {
  kind: 'gap';
  queue: string;
  /** The last place that was read. */
  after: Cursor;
  /** The first entry that is still there. */
  before: Cursor;
}

export type LogEvent = LifecycleEvent | GapEvent;

/** Where reading a log begins: with what comes, with the oldest that it holds, or after a cursor. */
export type From = 'now' | 'start' | Cursor;

/** Where reading goes on: after the first `seen` events of an entry; `Infinity` is after all of them. */
export interface Place {
  entryId: string;
  seen: number;
}

/** Entries after a place, each with its id and its events that were not seen. */
export interface LogPage {
  gap: GapEvent | null;
  entries: ReadonlyArray<readonly [id: string, events: LifecycleEvent[]]>;
  /** The place itself is still in the log, or it is the log's begin. */
  hasPlace: boolean;
  isLast: boolean;
}

export const logBegin: Place = { entryId: '0-0', seen: Number.POSITIVE_INFINITY };

export const afterEntry = (entryId: string): Place => ({ entryId, seen: Number.POSITIVE_INFINITY });

/** @throws RangeError for a text that is no cursor of an event log */
export const placeOf = (cursor: Cursor): Place => {
  const parsed = parseCursor(cursor);
  if (!parsed || parsed.entryId.split('-').some((part) => BigInt(part) > mostInId)) {
    throw new RangeError(`${JSON.stringify(cursor)} is no cursor of an event log`);
  }
  const isWhole = parsed.seen === Number.MAX_SAFE_INTEGER;
  return { entryId: parsed.entryId, seen: isWhole ? Number.POSITIVE_INFINITY : parsed.seen };
};

/** Negative when the first entry lies before the second. */
export const compareIds = (a: string, b: string): number => {
  if (a === b) return 0;
  const [aMs = '0', aSeq = '0'] = a.split('-');
  const [bMs = '0', bSeq = '0'] = b.split('-');
  return Number(aMs) - Number(bMs) || Number(aSeq) - Number(bSeq);
};

/**
 * The next entries after a place, at most `count`. It begins with the place's own entry: that this is still
 * there, and that nothing after it is missing, has to be learned in one step, or a trim in between goes unseen.
 * Entries that do not hold the text `mention` are passed over unread: they come without events.
 */
export const readPage = async (
  redis: Redis,
  queue: string,
  place: Place,
  count: number,
  mention = '',
): Promise<LogPage> => {
  const { entryId, seen } = place;
  const raw = (await redis.call(
    'XRANGE',
    keys.events(queue),
    entryId,
    '+',
    'COUNT',
    count + 1,
  )) as Array<[id: string, fields: string[]]>;
  const first = raw[0]?.[0];
  const isFromBegin = entryId === logBegin.entryId;
  const hasOwn = first === entryId;
  const entries = raw
    .map(([id, fields]) => {
      const isSeen = id === entryId && seen === Number.POSITIVE_INFINITY;
      const isWanted = mention === '' || fields.some((field) => field.includes(mention));
      const events = isSeen || !isWanted ? [] : unfoldEntry(queue, id, fields);
      return [id, id === entryId ? events.slice(seen) : events] as const;
    })
    .filter(([id, events]) => id !== entryId || events.length > 0);
  const gap: GapEvent | null =
    first !== undefined && !hasOwn && !isFromBegin
      ? { kind: 'gap', queue, after: entryId, before: first }
      : null;
  return { gap, entries, hasPlace: hasOwn || isFromBegin, isLast: raw.length <= count };
};
