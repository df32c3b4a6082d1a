import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { InvalidJobOperationError, InvalidOptionError, NoSuchJobError } from '../redis/errors.js';
import { keys } from '../redis/keys.js';
import { sendCommand } from '../redis/transitions/command.js';
import { readAnswer } from '../redis/worker-answer.js';
import { readUntil } from './await-answer.js';
import { NoAnswerError } from './command-errors.js';

/** The reply to a claim may still be on its way: a worker that does not know the job is asked again for so long. */
const unknownForMs = 2_000;
const askAgainMs = 200;

/**
 * Tells the worker of a running job to stop it, and waits until its hash says that it has. What counts is the
 * hash: a worker that answered may die before it has written anything, and Python's do not answer.
 *
 * @throws NoSuchJobError, InvalidJobOperationError, NoAnswerError, InvalidOptionError
 */
export const stopJob = async (redis: Redis, id: string, timeoutMs: number): Promise<void> => {
  if (!(timeoutMs > 0)) throw new InvalidOptionError('timeoutMs', 'it must be above 0');
  const refuse = (why: string) => new InvalidJobOperationError(id, 'stop', why);
  const [status, worker] = await redis.hmget(keys.job(id), 'status', 'worker_name');
  if (!status) throw new NoSuchJobError(id);
  if (status !== 'started') throw refuse(`it is ${status} and does not run`);
  if (!worker) throw refuse('nobody knows which worker runs it');

  const send = async (): Promise<string> => {
    const commandId = randomUUID();
    const command = { command: 'stop-job', jobId: id } as const;
    const reached = await sendCommand(redis, worker, command, commandId);
    if (reached.kind === 'nobody')
      throw refuse(`its worker ${worker} is gone, and it will be recovered`);
    if (reached.kind === 'python' && reached.listeners === 0)
      throw refuse(`its worker ${worker} does not listen`);
    return commandId;
  };

  const sinceMs = performance.now();
  let sentAtMs = sinceMs;
  let commandId = await send();
  const ended = await readUntil(timeoutMs, async () => {
    const answer = await readAnswer(redis, commandId);
    const now = await redis.hget(keys.job(id), 'status');
    if (now !== 'started') return now ?? 'gone';
    if (!answer || answer.ok) return null;
    const said = () => refuse(`worker ${worker} said: ${answer.reason}`);
    if (answer.isFinal) throw said();
    if (performance.now() - sentAtMs < askAgainMs) return null;
    sentAtMs = performance.now();
    if (sentAtMs - sinceMs > unknownForMs) throw said();
    commandId = await send();
    return null;
  });
  if (ended === null) throw new NoAnswerError(worker, `stop-job ${id}`, timeoutMs);
  if (ended === 'gone') throw new NoSuchJobError(id);
  if (ended !== 'stopped') throw refuse(`it is ${ended} meanwhile`);
};
