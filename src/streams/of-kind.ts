import { filter, type OperatorFunction } from 'rxjs';
import type { EventOf, LifecycleKind } from '../redis/lifecycle-event.js';

/**
 * Lets only events of these kinds through, and narrows their type.
 *
 * ```ts
 * queue.events$.pipe(ofKind('quarantined')).subscribe((event) => console.log(event.reason));
 * ```
 */
export const ofKind = <K extends LifecycleKind>(
  ...kinds: K[]
): OperatorFunction<{ kind: string }, EventOf<K>> => {
  const wanted = new Set<string>(kinds);
  return filter((event): event is EventOf<K> => wanted.has(event.kind));
};
