// @ts-check
import { setTimeout as delay } from 'node:timers/promises';
import { currentJob, defineTasks } from 'rxrq/tasks';

/** Handlers of the examples. Their names on the wire are `words.count`, `words.praise` and so on. */
export const words = defineTasks('words', {
  /** @param {string} text */
  count: (text) => text.split(/\s+/).length,

  /** @param {string} text */
  measure: (text) => ({ text, count: text.split(/\s+/).length }),

  /** @param {string} text @param {number} count */
  praise: (text, count) => `"${text}" has ${count} words, which is a lot`,

  /** The place of a word in a text. @param {string} word @param {string} text */
  find: (word, text) => {
    const place = text.split(/\s+/).indexOf(word);
    if (place < 0) throw new RangeError(`there is no "${word}" in it`);
    return place;
  },

  /** Takes a while, and says which word it has come to. @param {string} text @param {number} pauseMs */
  dictate: async (text, pauseMs) => {
    const job = currentJob();
    for (const word of text.split(/\s+/)) {
      job.progress(word);
      // Wakes up at once when the job runs out of time, is canceled, or its worker leaves.
      await delay(pauseMs, undefined, { signal: job.signal });
    }
    return 'said';
  },
});
