import { failureKind } from '../redis/failure.js';
import { ExitError, exitCodes } from './exit.js';

/**
 * What to end with when a look at Redis, which tells by its exit code what it saw, could not go on: it saw nothing then,
 * and must not pass for one that found little. Redis away, or a password, is the error as it is.
 */
export const aborted = (
  who: string,
  error: unknown,
  hintFor: (message: string) => string = () => '',
): unknown => {
  const message = error instanceof Error ? error.message : String(error);
  if (failureKind(error) === 'transient' || /^(NOAUTH|WRONGPASS)/.test(message)) return error;
  return new ExitError(exitCodes.trouble, `${who} could not go on: ${message}${hintFor(message)}`);
};
