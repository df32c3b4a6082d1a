import { CommanderError } from 'commander';
import { failureKind } from '../redis/failure.js';

/** What every command ends with. */
export const exitCodes = {
  ok: 0,
  /** A job failed, was not found or was left; an audit has findings. */
  failed: 1,
  /** Wrong usage or input; nothing was done. */
  usage: 2,
  /** Redis cannot be reached, or does not let us in. */
  noRedis: 3,
  /** `doctor` found problems; `doctor` or `audit` could not go on, and knows nothing. */
  trouble: 4,
  /** Ctrl-C ended a command that follows something. */
  interrupted: 130,
} as const;

/** Ends the command with a code; a message, if there is one, goes to stderr. */
export class ExitError extends Error {
  override readonly name = 'ExitError';
  constructor(
    readonly code: number,
    message = '',
  ) {
    super(message);
  }
}

/** Wrong usage: code 2. */
export class UsageError extends ExitError {
  constructor(message: string) {
    super(exitCodes.usage, message);
  }
}

const input = new Set([
  'InvalidOptionError',
  'InvalidNameError',
  'UnserializableError',
  'DuplicateJobError',
  'HandlerModuleError',
  'DuplicateHandlerError',
  'CronEntryError',
  'CronModuleError',
  'NotDurableError',
  'WorkerStartError',
  'WorkerNameTakenError',
]);

/** The exit code for whatever a command threw. */
export const exitCodeOf = (error: unknown): number => {
  if (error instanceof ExitError) return error.code;
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (!(error instanceof Error)) return exitCodes.failed;
  if (input.has(error.name)) return exitCodes.usage;
  if (error.name === 'RedisUnavailableError' || failureKind(error) === 'transient')
    return exitCodes.noRedis;
  return /^(NOAUTH|WRONGPASS|NOPERM)/.test(error.message) ? exitCodes.noRedis : exitCodes.failed;
};
