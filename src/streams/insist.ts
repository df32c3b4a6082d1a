import { setTimeout as delay } from 'node:timers/promises';
import { failureKind, pauseMs } from '../redis/failure.js';

/** Between two tries when somebody has to change Redis first, in milliseconds. */
const operatorPauseMs = 2_000;

/**
 * Asks until Redis answers: for what has to wait out a restart. It reports what an operator has to see
 * to, and goes on asking. Only repeat what may be repeated.
 *
 * @throws the signal's reason once it is aborted; at once what another try cannot mend
 */
export const insist = async <T>(
  ask: () => Promise<T>,
  signal: AbortSignal,
  onTrouble: (error: unknown) => void,
): Promise<T> => {
  for (let tries = 1; ; tries++) {
    signal.throwIfAborted();
    try {
      return await ask();
    } catch (error) {
      const kind = failureKind(error);
      if (kind === 'bug' || signal.aborted) throw error;
      if (kind !== 'transient') onTrouble(error);
      await delay(kind === 'transient' ? pauseMs(tries) : operatorPauseMs, undefined, { signal });
    }
  }
};
