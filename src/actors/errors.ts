import type { Diagnosis } from '../redis/doctor/finding.js';
import type { ExecutorExit } from './executor/executor.js';

const messageOf = (cause: unknown): string =>
  cause instanceof Error ? cause.message : String(cause);

/** A living worker has this name. RQ refuses the same. */
export class WorkerNameTakenError extends Error {
  override readonly name = 'WorkerNameTakenError';
  constructor(readonly worker: string) {
    super(`A worker named ${JSON.stringify(worker)} is alive already`);
  }
}

/** The worker did not come up, `cause` says why; nothing was claimed. */
export class WorkerStartError extends Error {
  override readonly name = 'WorkerStartError';
  constructor(cause: unknown) {
    super(`The worker did not start: ${messageOf(cause)}`, { cause });
  }
}

/**
 * This Redis may lose jobs that it has acknowledged. Told to `onTrouble` at the start, or thrown by it when
 * `durability` is `require`: nothing was claimed then.
 */
export class NotDurableError extends Error {
  override readonly name = 'NotDurableError';
  constructor(readonly findings: readonly Diagnosis[]) {
    const told = findings.map(({ what, why, remedy }) => `${what}: ${why} (${remedy})`);
    super(`Redis may lose jobs: ${told.join('; ')}`);
  }
}

/** A worker that was up had to leave, because its executors do not come up any more. Its jobs went back. */
export class WorkerGaveUpError extends Error {
  override readonly name = 'WorkerGaveUpError';
  constructor(
    readonly worker: string,
    cause: unknown,
  ) {
    const root = cause instanceof Error && cause.cause !== undefined ? messageOf(cause.cause) : '';
    const detail = root === '' ? messageOf(cause) : `${messageOf(cause)}: ${root}`;
    super(`Worker ${worker} gave up: ${detail}`, { cause });
  }
}

/** An executor left without being asked to, or without answering for all its jobs. */
export class ExecutorLostError extends Error {
  override readonly name = 'ExecutorLostError';
  constructor(
    readonly slot: number,
    readonly exit: ExecutorExit,
  ) {
    super(`Executor ${slot} was lost: ${exit.detail || 'it left by itself'}`);
  }
}

/** A callback went wrong that may not fail its job: of a failure, or of a stopped job. */
export class CallbackFailedError extends Error {
  override readonly name = 'CallbackFailedError';
  constructor(
    readonly jobId: string,
    readonly moment: 'success' | 'failure' | 'stopped',
    readonly handler: string,
    readonly reason: string,
  ) {
    super(`The ${moment} callback ${handler} of job ${jobId} failed: ${reason}`);
  }
}

/** A Python producer named a callback that is no handler here. It is told once for each name. */
export class CallbackIgnoredError extends Error {
  override readonly name = 'CallbackIgnoredError';
  constructor(
    readonly jobId: string,
    readonly moment: 'success' | 'failure' | 'stopped',
    readonly handler: string,
  ) {
    super(
      `Python's ${moment} callback ${handler} is no handler of this worker and is not called, for job ${jobId} and all that follow`,
    );
  }
}

/** What somebody wrote into a job's callback or webhook fields cannot be read. The job runs without it. */
export class UnreadableAfterwardsError extends Error {
  override readonly name = 'UnreadableAfterwardsError';
  constructor(
    readonly jobId: string,
    readonly reason: string,
  ) {
    super(`Job ${jobId} runs without what cannot be read of its callbacks or webhooks: ${reason}`);
  }
}

/** Somebody commanded what the worker's option `commands` does not allow. Nothing was done, and a sender that waits was told so. */
export class CommandNotObeyedError extends Error {
  override readonly name = 'CommandNotObeyedError';
  constructor(readonly command: string) {
    super(`The command ${command} was refused: the worker's option commands does not allow it`);
  }
}

/** A webhook was not received. The job is not touched by it. */
export class WebhookFailedError extends Error {
  override readonly name = 'WebhookFailedError';
  constructor(
    readonly jobId: string,
    /** Without its query, which may hold a secret. */
    readonly target: string,
    readonly reason: string,
  ) {
    super(`Webhook ${target} of job ${jobId} failed: ${reason}`);
  }
}
