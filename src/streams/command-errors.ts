/** No living worker has this name. */
export class NoSuchWorkerError extends Error {
  override readonly name = 'NoSuchWorkerError';
  constructor(readonly worker: string) {
    super(`No worker ${JSON.stringify(worker)} is alive`);
  }
}

/** A worker did not do in time what it was told to. It may still do it: a command is not taken back. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
  constructor(
    readonly worker: string,
    readonly command: string,
    readonly timeoutMs: number,
    detail = 'it may have been killed, or have lost its connection',
  ) {
    super(
      `Worker ${JSON.stringify(worker)} did not answer to ${command} within ${timeoutMs} ms: ${detail}`,
    );
  }
}

/** A worker of ours said why it does not do what it was told to. */
export class CommandRefusedError extends Error {
  override readonly name = 'CommandRefusedError';
  constructor(
    readonly worker: string,
    readonly command: string,
    readonly reason: string,
  ) {
    super(`Worker ${JSON.stringify(worker)} refused ${command}: ${reason}`);
  }
}
