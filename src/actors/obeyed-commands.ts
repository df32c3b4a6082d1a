import { InvalidOptionError } from '../redis/errors.js';
import type { WorkerAnswer } from '../redis/worker-answer.js';
import type { WorkerCommand } from '../redis/worker-command.js';

/** What ends a worker's jobs, or itself, when somebody commands it. `stop-job` is also RQ's `stop-execution`. */
const remoteCommands = ['stop-job', 'kill-horse', 'shutdown'] as const;

export type RemoteCommand = (typeof remoteCommands)[number];

/** The commands that a worker obeys: all, none, or these alone. */
export type ObeyedCommands = 'all' | 'none' | readonly RemoteCommand[];

/** What whoever waits for an answer to another command is told. */
export const refusal: WorkerAnswer = {
  ok: false,
  reason: 'its option commands does not allow it',
  isFinal: true,
};

/**
 * Whether a command is obeyed. `rxrq-look` and `rxrq-ping` always are: they end nothing, and our `cancel` and `delete` reach a
 * running job by the first.
 *
 * @throws InvalidOptionError
 */
export const commandFilter = (given: ObeyedCommands): ((command: WorkerCommand) => boolean) => {
  const obeyed = new Set<unknown>(listOf(given));
  for (const name of obeyed)
    if (!(remoteCommands as readonly unknown[]).includes(name))
      throw new InvalidOptionError(
        'commands',
        `${String(name)} is no command; there are ${remoteCommands.join(', ')}`,
      );
  return ({ command }) => {
    if (command === 'rxrq-look' || command === 'rxrq-ping') return true;
    return obeyed.has(command === 'stop-execution' ? 'stop-job' : command);
  };
};

const listOf = (given: ObeyedCommands): readonly unknown[] => {
  if (given === 'all') return remoteCommands;
  if (given === 'none') return [];
  if (!Array.isArray(given))
    throw new InvalidOptionError('commands', 'it must be all, none, or a list of commands');
  return given;
};
