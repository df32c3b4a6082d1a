/** Two different functions ask for one name. A worker that guessed would run the wrong one. */
export class DuplicateHandlerError extends Error {
  override readonly name = 'DuplicateHandlerError';
  constructor(
    readonly handlerName: string,
    readonly first: string,
    readonly second: string,
  ) {
    super(`Two handlers are named ${JSON.stringify(handlerName)}: ${first} and ${second}`);
  }
}

/** A module with handlers could not be loaded; `cause` keeps what it threw. */
export class HandlerModuleError extends Error {
  override readonly name = 'HandlerModuleError';
  constructor(
    readonly url: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`Handler module ${url} did not load: ${reason}`, options);
  }
}
