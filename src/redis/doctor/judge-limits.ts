import { type Diagnosis, fine, saying } from './finding.js';
import type { FleetReading } from './read-fleet.js';

/** RQ's own workers know rate limits from 3.0 on, and limits of starts never. Pure. */
export const judgeLimits = ({ workers, rateLimits, startLimits }: FleetReading): Diagnosis => {
  const check = 'limits';
  const python = workers.filter(({ version }) => /^\d/.test(version));
  const old = python.filter(({ version }) => Number.parseInt(version, 10) < 3);
  const told = `${rateLimits} rate limits, ${startLimits.length} limits of starts`;
  const say = saying(check, told);
  const unaware = python.filter(({ queues }) => queues.some((name) => startLimits.includes(name)));
  if (unaware.length > 0)
    return say(
      'warning',
      'workers of Python take jobs of a queue with a limit of starts, and know nothing of it',
      'let only Node workers serve such a queue',
    );
  if (rateLimits > 0 && old.length > 0)
    return say(
      'note',
      'RQ before 3 gives slots of rate limits back seconds late, runs requeued jobs without one, and raises when it fetches a job that waits for one',
      'keep jobs with a rate limit on queues of Node workers',
    );
  return fine(check, told);
};
