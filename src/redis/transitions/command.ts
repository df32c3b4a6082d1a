import type { Redis } from 'ioredis';
import { keys } from '../keys.js';
import { loadScript, runScript } from '../scripts.js';
import { commandText, type WorkerCommand } from '../worker-command.js';

const script = loadScript('command');

/** A worker that has not looked by then will not do it: whoever sent the command has given up long before. */
const waitsSeconds = 60;

/** Whom a command reached. */
export type Reached =
  /** No living worker has this name. */
  | { kind: 'nobody' }
  /** One of ours: it answers. */
  | { kind: 'ours'; listeners: number }
  /** One of Python's: it does not answer, and does not hear when `listeners` is 0. */
  | { kind: 'python'; listeners: number };

/** Sends a command to a worker of either side. RQ: `send_command`. */
export const sendCommand = async (
  redis: Redis,
  worker: string,
  command: WorkerCommand,
  id: string,
): Promise<Reached> => {
  const [version, listeners] = (await runScript(
    redis,
    script,
    [keys.worker(worker), keys.mailbox(worker)],
    [keys.commandsTo(worker), commandText(command, id), waitsSeconds],
  )) as [Buffer, number];
  if (version.length === 0) return { kind: 'nobody' };
  return { kind: version.toString() === 'rxrq' ? 'ours' : 'python', listeners };
};
