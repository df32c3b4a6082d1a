import { Observable, type Subscriber, type TeardownLogic } from 'rxjs';
import type { EventLog } from './event-log.js';
import { type From, type LogEvent, logBegin, placeOf } from './log-page.js';

/** What reads the logs, and what ends the reading. */
export interface LogDoors {
  log: EventLog;
  closed$: Observable<void>;
}

/**
 * A stream of lifecycle events, in order within each queue. Cold: each subscription reads from the begin that
 * was given. Never errors: while Redis is away it waits, and goes on where it was. Completes when its `Rq`
 * is closed.
 */
export class EventStream extends Observable<LogEvent> {
  constructor(
    subscribe: (subscriber: Subscriber<LogEvent>) => TeardownLogic,
    private readonly fixBegin: () => Promise<Observable<LogEvent>>,
  ) {
    super(subscribe);
  }

  /**
   * The same stream with its begin fixed now: resolves once every log's position was read, with a stream
   * that delivers everything after that moment, however late it is subscribed to.
   *
   * @throws what Redis throws
   */
  ready(): Promise<Observable<LogEvent>> {
    return this.fixBegin();
  }
}

/**
 * Events of these queues. With `now` the begin is asked for at the subscription: what is given to the same
 * connection later comes after it.
 *
 * @throws RangeError for a cursor that is none, or one cursor for several queues
 */
export const eventsOf = (doors: LogDoors, queues: readonly string[], from: From): EventStream => {
  const { log, closed$ } = doors;
  if (from !== 'now' && from !== 'start') {
    placeOf(from);
    if (queues.length !== 1) throw new RangeError('A cursor is a place in the log of one queue');
  }
  const stream: EventStream = new EventStream(
    (subscriber) => {
      subscriber.add(closed$.subscribe(() => subscriber.complete()));
      for (const queue of queues) {
        if (subscriber.closed) return;
        subscriber.add(log.listen(queue, from, (event) => subscriber.next(event)));
      }
    },
    async () => {
      if (from !== 'now') return stream;
      const begins = await Promise.all(queues.map((queue) => positionOf(log, queue)));
      return new Observable((subscriber) => {
        // Each adds its own end to the one subscriber.
        for (const { queue, begin } of begins)
          eventsOf(doors, [queue], begin).subscribe(subscriber);
      });
    },
  );
  return stream;
};

/** Where a log ends now, to begin there later. */
export const positionOf = async (
  log: EventLog,
  queue: string,
): Promise<{ queue: string; begin: From }> => {
  const id = await log.position(queue);
  return { queue, begin: id === logBegin.entryId ? 'start' : id };
};
