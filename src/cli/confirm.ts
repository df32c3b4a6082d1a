import { ExitError, exitCodes, UsageError } from './exit.js';
import type { Io } from './io.js';

/**
 * Lets something pass that cannot be undone: with `--yes`, or when whoever sits at the terminal agrees. The
 * question names the Redis, because the wrong one is the usual mistake.
 *
 * @throws UsageError where nobody can be asked; ExitError when the answer is no
 */
export const confirmOrStop = async (
  io: Io,
  question: string,
  isAgreed: boolean | undefined,
): Promise<void> => {
  if (isAgreed) return;
  const answer = await io.confirm(question);
  if (answer === null) throw new UsageError(`${question} Pass --yes to do it.`);
  if (!answer) throw new ExitError(exitCodes.failed, 'Nothing was done.');
};
