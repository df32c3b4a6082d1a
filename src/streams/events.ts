import { Observable } from 'rxjs';
import type { Cursor } from '../redis/lifecycle-event.js';
import type { EventLog, LogEvent } from './event-log.js';

/** Where an event stream begins: with what comes, with the oldest that the log holds, or after a cursor. */
export type From = 'now' | 'start' | Cursor;

/** A stream of lifecycle events, and the moment from which it misses nothing. */
export class EventStream extends Observable<LogEvent> {
  /**
   * Subscribes, and resolves once the place to read from is fixed: whatever happens after that, the
   * subscriber is told. Rejects when Redis cannot be asked.
   */
  constructor(
    private readonly log: EventLog,
    private readonly queues: readonly string[],
    private readonly from: From,
  ) {
    super((subscriber) => {
      const ends: Array<() => void> = [];
      let isOver = false;
      const listen = async (queue: string): Promise<void> => {
        for (let tries = 1; !isOver; tries++) {
          try {
            const end = await log.listen(queue, from, (event) => subscriber.next(event));
            if (isOver) end();
            else ends.push(end);
            return;
          } catch (error) {
            if (error instanceof RangeError) return subscriber.error(error);
            await new Promise((resolve) => setTimeout(resolve, Math.min(50 * 2 ** tries, 2_000)));
          }
        }
      };
      for (const queue of queues) void listen(queue);
      return () => {
        isOver = true;
        for (const end of ends) end();
      };
    });
  }

  /**
   * The same stream with its begin fixed now: resolves once every log's position was read, with a stream
   * that delivers everything after that moment, however late it is subscribed to.
   */
  async ready(): Promise<Observable<LogEvent>> {
    if (this.from !== 'now') return this;
    const positions = await Promise.all(
      this.queues.map(async (queue) => [queue, await this.log.position(queue)] as const),
    );
    return new Observable((subscriber) => {
      const parts = positions.map(([queue, id]) =>
        new EventStream(this.log, [queue], id === '0-0' ? 'start' : id).subscribe(subscriber),
      );
      return () => {
        for (const part of parts) part.unsubscribe();
      };
    });
  }
}
