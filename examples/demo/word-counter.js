// @ts-check
import { currentJob } from 'rxrq/tasks';

/** The handlers of the first two queues: `WordCounter.count` is what producers call. */
export class WordCounter {
  /** @param {import('./page-fetcher.js').PageFetcher} fetcher */
  constructor(fetcher) {
    this.fetcher = fetcher;
  }

  /** How many words the page has. @param {string} url */
  async count(url) {
    const job = currentJob();
    job.log(`read by process ${process.pid}`);
    const text = await this.fetcher.text(url, job.signal);
    return text.split(/\s+/).filter(Boolean).length;
  }
}
