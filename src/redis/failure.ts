/**
 * What a rejected command means for its caller. `transient`: wait and try again with the same request
 * id. `full`: over maxmemory, nothing was written. `operator`: somebody has to change Redis (a wrong
 * type, a missing right, a password); try again slowly and say so once. `bug`: ours.
 */
export type FailureKind = 'transient' | 'full' | 'operator' | 'bug';

const transient =
  /^(LOADING|BUSY|READONLY|UNBLOCKED|MOVED|ASK|TRYAGAIN|MASTERDOWN|CLUSTERDOWN|NOREPLICAS)|max number of clients|Connection is closed|aborted due to connection close|Stream isn't writeable|Command timed out|max retries per request|ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENOTFOUND|EAI_AGAIN|Socket|socket|unblocked/;
const operator = /^(WRONGTYPE|NOAUTH|WRONGPASS|NOPERM|MISCONF)|unknown command|invalid password/i;

export const failureKind = (error: unknown): FailureKind => {
  const message = error instanceof Error ? error.message : String(error);
  if (/^OOM|command not allowed when used memory/.test(message)) return 'full';
  if (operator.test(message) || (error instanceof Error && error.name === 'WrongKeyTypeError'))
    return 'operator';
  if (transient.test(message)) return 'transient';
  if (error instanceof Error && error.name === 'MaxRetriesPerRequestError') return 'transient';
  return 'bug';
};

/** Pause before try number `tries` (from 1): 50 ms doubled up to 2 s, with jitter so that a fleet spreads out. */
export const pauseMs = (tries: number): number =>
  Math.min(50 * 2 ** Math.min(tries - 1, 6), 2_000) * (0.5 + Math.random() / 2);
