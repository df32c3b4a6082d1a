// @ts-check
import { currentJob } from 'rxrq/tasks';

const tooCommon = new Set(
  (
    'a about all almost an and any are as at be because been but by came can cannot each enough ' +
    'even every everybody everything few first for from has have he her his how in into is it its ' +
    'never nobody not of on one only or other others out own people some somebody still than that the their them ' +
    'then there they this three to two under until was when where which while who will with'
  ).split(' '),
);

/** The handlers of the pipeline: what one returns is the argument of the next. */
export class Ranking {
  /** @param {import('./page-fetcher.js').PageFetcher} fetcher */
  constructor(fetcher) {
    this.fetcher = fetcher;
  }

  /** @param {string} url */
  fetch(url) {
    return this.fetcher.text(url, currentJob().signal);
  }

  /** How often each word occurs. @param {string} text @returns {Record<string, number>} */
  count(text) {
    /** @type {Record<string, number>} */
    const counts = {};
    for (const word of text.toLowerCase().match(/\p{L}+/gu) ?? []) {
      if (!tooCommon.has(word)) counts[word] = (counts[word] ?? 0) + 1;
    }
    return counts;
  }

  /** The most frequent words first. @param {Record<string, number>} counts */
  rank(counts) {
    return Object.entries(counts).sort(([a, n], [b, m]) => m - n || a.localeCompare(b));
  }
}
