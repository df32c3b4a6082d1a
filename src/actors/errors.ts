/** A living worker has this name. RQ refuses the same. */
export class WorkerNameTakenError extends Error {
  override readonly name = 'WorkerNameTakenError';
  constructor(readonly worker: string) {
    super(`A worker named ${JSON.stringify(worker)} is alive already`);
  }
}

/** The executors did not come up; nothing was claimed. */
export class WorkerStartError extends Error {
  override readonly name = 'WorkerStartError';
  constructor(cause: unknown) {
    super(`The worker did not start: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}
