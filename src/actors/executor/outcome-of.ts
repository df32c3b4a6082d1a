import type { Outcome } from '../outcome.js';
import type { Fate } from './held-jobs.js';

/**
 * The outcome of a job that ended by itself, maybe after we had decided to end it. Pure.
 *
 * A job over its limit is timed out, even if it answered before it was killed: RQ would have
 * interrupted it. But an answer from within the limit stands, however late the news came. A job that
 * was asked to stop and returned has done its work, and that stands too; if it threw, it stopped. Only when
 * somebody stopped just this job it is stopped whatever it said: it returned because it was told to end.
 */
export const outcomeOf = (fate: Fate | null, said: Outcome, tookMs: number): Outcome => {
  if (fate?.kind === 'timedOut') return tookMs <= fate.limitMs ? said : fate;
  if (fate?.kind === 'stopped')
    return said.kind === 'threw' || fate.reason === 'byUser' ? fate : said;
  return said;
};
