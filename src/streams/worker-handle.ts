import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { InvalidNameError, InvalidOptionError } from '../redis/errors.js';
import { sendCommand } from '../redis/transitions/command.js';
import type { WorkerAnswer } from '../redis/worker-answer.js';
import type { WorkerCommand } from '../redis/worker-command.js';
import { awaitAnswer } from './await-answer.js';
import { CommandRefusedError, NoAnswerError, NoSuchWorkerError } from './command-errors.js';

/** What a worker says of itself. */
export interface Pong {
  readonly state: string;
  /** The jobs that it has in hand, a hundred at most. */
  readonly jobs: ReadonlyArray<{ jobId: string; queue: string }>;
  /** The way there and back, in milliseconds. */
  readonly tookMs: number;
}

/** Whether the worker said that it has heard the command; Python's workers never do. */
export interface CommandSent {
  readonly isAcknowledged: boolean;
}

interface Patience {
  timeoutMs?: number;
}

/**
 * A handle on one worker: its name. Commands reach Node's workers also over a lost connection, and are acknowledged;
 * Python's hear them if they listen just then, and do not answer.
 */
export class WorkerHandle {
  /** @throws InvalidNameError */
  constructor(
    private readonly redis: Redis,
    readonly name: string,
  ) {
    if (name === '') throw new InvalidNameError('worker name', name, 'it must not be empty');
  }

  /**
   * Has it stop warmly: no new jobs, running ones end. A second call a second later has it stop at once. Resolves
   * when it has heard. RQ: `send_shutdown_command`.
   *
   * @throws NoSuchWorkerError, NoAnswerError; CommandRefusedError when its option `commands` does not allow it
   */
  shutdown(options: Patience = {}): Promise<CommandSent> {
    return this.command({ command: 'shutdown' }, options);
  }

  /**
   * Kills the executors of all its running jobs with SIGKILL; the jobs fail, or are retried. Resolves when it has
   * heard. RQ: `send_kill_horse_command`.
   *
   * @throws NoSuchWorkerError, NoAnswerError; CommandRefusedError when it runs no job, or does not allow it
   */
  killHorse(options: Patience = {}): Promise<CommandSent> {
    return this.command({ command: 'kill-horse' }, options);
  }

  /** Asks what it is doing. @throws NoSuchWorkerError; NoAnswerError, also for a worker of Python's */
  async ping({ timeoutMs = 10_000 }: Patience = {}): Promise<Pong> {
    const sinceMs = performance.now();
    const answer = await this.send({ command: 'rxrq-ping' }, timeoutMs);
    if (!answer?.ok) throw new NoAnswerError(this.name, 'ping', timeoutMs, "Python's never do");
    const { state = '?', jobs = [] } = answer;
    return { state, jobs, tookMs: performance.now() - sinceMs };
  }

  private async command(
    command: WorkerCommand,
    { timeoutMs = 10_000 }: Patience,
  ): Promise<CommandSent> {
    const answer = await this.send(command, timeoutMs);
    if (answer && !answer.ok)
      throw new CommandRefusedError(this.name, command.command, answer.reason);
    return { isAcknowledged: answer !== null };
  }

  /** `null` when it is one of Python's: it has heard, and does not answer. */
  private async send(command: WorkerCommand, timeoutMs: number): Promise<WorkerAnswer | null> {
    if (!(timeoutMs > 0)) throw new InvalidOptionError('timeoutMs', 'it must be above 0');
    const id = randomUUID();
    const reached = await sendCommand(this.redis, this.name, command, id);
    if (reached.kind === 'nobody') throw new NoSuchWorkerError(this.name);
    if (reached.kind === 'python') {
      if (reached.listeners > 0) return null;
      throw new NoAnswerError(this.name, command.command, 0, 'nobody listens on its channel');
    }
    const answer = await awaitAnswer(this.redis, id, timeoutMs);
    if (answer === null) throw new NoAnswerError(this.name, command.command, timeoutMs);
    return answer;
  }
}
