// @ts-check
import { DoNotRetryError } from 'rxrq/tasks';

/** A page that is not there will not be there in a second either: no retry. */
export class PageMissingError extends DoNotRetryError {
  /** @override */
  name = 'PageMissingError';
}

/** Reads pages over HTTP. The handlers get one injected, and a test can give them another. */
export class PageFetcher {
  /**
   * @param {string} url
   * @param {AbortSignal} signal aborted when the job's time is up
   */
  async text(url, signal) {
    const response = await fetch(url, { signal });
    if (response.status === 404)
      throw new PageMissingError(`${new URL(url).pathname} is not there`);
    if (!response.ok) throw new Error(`${url} answered ${response.status}`);
    return response.text();
  }
}
