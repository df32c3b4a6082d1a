// @ts-check
import { Ranking } from './ranking.js';
import { WordCounter } from './word-counter.js';

/** What this worker runs. The methods of a class are called by name: `WordCounter.count`. */
export const handlers = { WordCounter, Ranking };
