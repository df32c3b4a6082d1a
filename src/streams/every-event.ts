import type { Redis } from 'ioredis';
import {
  catchError,
  defer,
  distinct,
  EMPTY,
  exhaustMap,
  filter,
  map,
  mergeMap,
  type Observable,
  switchMap,
  takeUntil,
  timer,
} from 'rxjs';
import { readServerClock } from '../redis/server-clock.js';
import type { EventLog } from './event-log.js';
import { EventStream, eventsOf, positionOf } from './events.js';
import { insist } from './insist.js';
import type { From, LogEvent } from './log-page.js';

/** How often it is looked for queues that are new. */
const lookEveryMs = 2_000;

export interface EveryEventDoors {
  redis: Redis;
  log: EventLog;
  closed$: Observable<void>;
  queueNames(): Promise<string[]>;
  onTrouble(error: unknown): void;
}

/**
 * Events of every queue, also of those that come to be later: they are looked for every two seconds, and then
 * read from their begin.
 */
export const eventsOfEveryQueue = (doors: EveryEventDoors, from: 'now' | 'start'): EventStream => {
  const { log } = doors;
  const follow = (sinceMs: number, begins: ReadonlyMap<string, From>): Observable<LogEvent> =>
    timer(0, lookEveryMs).pipe(
      takeUntil(doors.closed$),
      exhaustMap(() => defer(doors.queueNames).pipe(catchError(tell(doors.onTrouble)))),
      mergeMap((names) => [...begins.keys(), ...names]),
      distinct(),
      mergeMap((queue) =>
        eventsOf(doors, [queue], begins.get(queue) ?? 'start').pipe(
          filter((event) => event.kind === 'gap' || event.at >= sinceMs),
        ),
      ),
    );
  const begin = async (): Promise<Observable<LogEvent>> => {
    if (from === 'start') return follow(0, new Map());
    const { ms } = await readServerClock(doors.redis);
    const names = await doors.queueNames();
    const begins = await Promise.all(names.map((queue) => positionOf(log, queue)));
    return follow(Math.floor(ms), new Map(begins.map(({ queue, begin }) => [queue, begin])));
  };
  return new EventStream((subscriber) => {
    const leaving = new AbortController();
    subscriber.add(() => leaving.abort());
    return defer(() => insist(begin, leaving.signal, doors.onTrouble))
      .pipe(
        switchMap((event$) => event$),
        takeUntil(doors.closed$),
      )
      .subscribe(subscriber);
  }, begin);
};

/** The same stream with only the events that a predicate admits, still with its `ready`. */
export const admitting = (stream: EventStream, admits: (event: LogEvent) => boolean): EventStream =>
  new EventStream(
    (subscriber) => stream.pipe(filter(admits)).subscribe(subscriber),
    () => stream.ready().then((event$) => event$.pipe(filter(admits))),
  );

// A look that failed is repeated by the next one.
const tell = (onTrouble: (error: unknown) => void) => (error: unknown) => {
  onTrouble(error);
  return EMPTY.pipe(map(() => [] as string[]));
};
