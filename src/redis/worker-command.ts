/**
 * What a worker may be told on its channel. The first four are RQ's (`rq.command`); RQ's workers pass over the
 * others. A command is a wish and never the truth: `look` only says that it is worth asking Redis now.
 */
export type WorkerCommand =
  | { command: 'shutdown' }
  | { command: 'kill-horse' }
  | { command: 'stop-job'; jobId: string }
  | { command: 'stop-execution'; jobId: string; execution: string }
  | { command: 'rxrq-look' }
  | { command: 'rxrq-ping' };

/** A command as it came. `id` is there when its sender waits for an answer. */
export interface ReceivedCommand {
  readonly id: string | null;
  readonly command: WorkerCommand;
}

/** Something on a worker's channel that is no command, or none that this release knows. It is passed over. */
export class UnknownCommandError extends Error {
  override readonly name = 'UnknownCommandError';
  constructor(readonly text: string) {
    super(
      `A command that nobody here knows was passed over: ${JSON.stringify(text.slice(0, 200))}`,
    );
  }
}

type StopCommand = Extract<WorkerCommand, { command: 'stop-job' | 'stop-execution' }>;

/** Whether a job that somebody holds is the one that is to be stopped. */
export const isToStop = (
  command: StopCommand,
  { jobId, execution }: { readonly jobId: string; readonly execution: string },
): boolean =>
  jobId === command.jobId && (command.command === 'stop-job' || execution === command.execution);

/** The JSON that RQ's workers read as well. RQ: `send_command`. */
export const commandText = (command: WorkerCommand, id?: string): string => {
  const fields: Record<string, string> = { command: command.command };
  if ('jobId' in command) fields.job_id = command.jobId;
  if ('execution' in command) fields.execution_id = command.execution;
  if (id !== undefined) fields.rxrq_id = id;
  return JSON.stringify(fields);
};

/** @throws UnknownCommandError */
export const parseCommand = (text: string): ReceivedCommand => {
  const fields = fieldsOf(text);
  const id =
    typeof fields.rxrq_id === 'string' && idForm.test(fields.rxrq_id) ? fields.rxrq_id : null;
  const { command, job_id: jobId, execution_id: execution } = fields;
  switch (command) {
    case 'shutdown':
    case 'kill-horse':
    case 'rxrq-look':
    case 'rxrq-ping':
      return { id, command: { command } };
    case 'stop-job':
      if (typeof jobId === 'string') return { id, command: { command, jobId } };
      break;
    case 'stop-execution':
      if (typeof jobId === 'string' && typeof execution === 'string')
        return { id, command: { command, jobId, execution } };
      break;
  }
  throw new UnknownCommandError(text);
};

const idForm = /^[\w-]{1,64}$/;

/** Of a command's text, in characters: an id and an execution have 232 at most. */
const longestCommand = 4_096;

const fieldsOf = (text: string): Record<string, unknown> => {
  // Anybody who may publish can send half a gigabyte, and parsing is what would cost.
  if (text.length > longestCommand) throw new UnknownCommandError(text);
  try {
    const fields: unknown = JSON.parse(text);
    if (fields !== null && typeof fields === 'object') return fields as Record<string, unknown>;
  } catch {
    // Not ours to understand: told below, with its text.
  }
  throw new UnknownCommandError(text);
};
