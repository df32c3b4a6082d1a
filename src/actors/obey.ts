import type { WorkerAnswer } from '../redis/worker-answer.js';
import { isToStop, type WorkerCommand } from '../redis/worker-command.js';
import type { StopReason } from './executor/executor.js';

/** A job in a worker's hands. */
export interface InHand {
  readonly jobId: string;
  readonly queue: string;
  readonly execution: string;
}

/** What a worker can do for whoever commands it. */
export interface Obedient {
  /** Jobs that it holds, begun or not. */
  inHand(): readonly InHand[];
  cancel(execution: string, reason: StopReason): void;
  /** Asks Redis at once whether its jobs are still its own. */
  renewLeases(): void;
  state(): string;
  /** Stops warmly, as on a signal. */
  shutdown(): void;
}

/** Jobs that the answer to a ping names at most. */
const mostNamed = 100;

/** Does what a command says, and answers. RQ: `handle_command`. */
export const obey = (worker: Obedient, command: WorkerCommand): WorkerAnswer => {
  switch (command.command) {
    case 'shutdown':
      worker.shutdown();
      return { ok: true };
    case 'kill-horse': {
      const jobs = worker.inHand();
      for (const { execution } of jobs) worker.cancel(execution, 'killed');
      return jobs.length > 0 ? { ok: true } : { ok: false, reason: 'it runs no job' };
    }
    case 'stop-job':
    case 'stop-execution': {
      const held = worker.inHand().find((job) => isToStop(command, job));
      if (!held) return { ok: false, reason: 'it does not run this job' };
      worker.cancel(held.execution, 'byUser');
      return { ok: true };
    }
    case 'rxrq-look':
      worker.renewLeases();
      return { ok: true };
    case 'rxrq-ping': {
      const jobs = worker.inHand().slice(0, mostNamed);
      return {
        ok: true,
        state: worker.state(),
        jobs: jobs.map(({ jobId, queue }) => ({ jobId, queue })),
      };
    }
  }
};
