/** A cron entry that cannot be meant so; names the entry and its field. Nothing was started. */
export class CronEntryError extends Error {
  override readonly name = 'CronEntryError';
  constructor(
    /** Where it stands in its list, from 0, and what it is called. */
    readonly entry: string,
    readonly field: string,
    readonly rule: string,
  ) {
    super(`Cron entry ${entry}, ${field}: ${rule}`);
  }
}

/** A module with cron entries could not be loaded, or has none; `cause` keeps what it threw. */
export class CronModuleError extends Error {
  override readonly name = 'CronModuleError';
  constructor(
    readonly url: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`Cron module ${url}: ${reason}`, options);
  }
}
