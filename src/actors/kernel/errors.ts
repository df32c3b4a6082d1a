/** No reply came in time. The message may still be received: asking is not a transaction. */
export class AskTimeoutError extends Error {
  override readonly name = 'AskTimeoutError';
  constructor(
    readonly path: string,
    readonly messageKind: string,
    readonly timeoutMs: number,
  ) {
    super(`Actor ${path} did not answer '${messageKind}' within ${timeoutMs} ms`);
  }
}

/** The actor is stopping or stopped, and will never receive this. */
export class ActorStoppedError extends Error {
  override readonly name = 'ActorStoppedError';
  constructor(
    readonly path: string,
    readonly attempt: string,
  ) {
    super(`Actor ${path} is stopped: ${attempt}`);
  }
}

/** An asked message found no room, or was dropped to make room for a younger one. */
export class MailboxFullError extends Error {
  override readonly name = 'MailboxFullError';
  constructor(
    readonly path: string,
    readonly messageKind: string,
  ) {
    super(`The mailbox of actor ${path} has no room for '${messageKind}'`);
  }
}

/** The actor crashed on the very message that was asked; `cause` is its error. */
export class ActorCrashedError extends Error {
  override readonly name = 'ActorCrashedError';
  constructor(
    readonly path: string,
    readonly messageKind: string,
    cause: unknown,
  ) {
    super(`Actor ${path} crashed on '${messageKind}'`, { cause });
  }
}

/** A permanent actor ended by itself, which its supervisor treats as a failure. */
export class ActorEndedError extends Error {
  override readonly name = 'ActorEndedError';
  constructor(readonly path: string) {
    super(`Permanent actor ${path} ended by itself`);
  }
}

/** Restarting did not help; `cause` is the error of the last crash. */
export class RestartLimitError extends Error {
  override readonly name = 'RestartLimitError';
  constructor(
    readonly path: string,
    readonly restarts: number,
    readonly withinMs: number,
    cause: unknown,
  ) {
    super(`Actor ${path} needed more than ${restarts} restarts within ${withinMs} ms`, { cause });
  }
}

/** A supervisor's own decision threw. `errors` holds the child's error, then the decision's. */
export class SupervisionError extends AggregateError {
  override readonly name = 'SupervisionError';
  constructor(
    readonly path: string,
    childError: unknown,
    decisionError: unknown,
  ) {
    super([childError, decisionError], `directiveFor threw while deciding about actor ${path}`);
  }
}

export class ActorNameTakenError extends Error {
  override readonly name = 'ActorNameTakenError';
  constructor(readonly path: string) {
    super(`An actor ${path} lives already`);
  }
}

/** How an error or a log line calls a message: its `kind`, or what it is. */
export const kindOf = (message: unknown): string => {
  if (typeof message !== 'object' || message === null) return String(message);
  const kind = (message as { kind?: unknown }).kind;
  return typeof kind === 'string' ? kind : (message.constructor?.name ?? 'object');
};
