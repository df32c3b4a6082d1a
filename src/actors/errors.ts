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
