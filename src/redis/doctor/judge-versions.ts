import type { ListedWorker } from '../worker-records.js';
import { type Diagnosis, fine, saying } from './finding.js';

/** Releases that the interop tests run against, and between which nothing of the wire changed against us. */
const oldestKnown = [1, 13] as const;
const newestKnown = [2, 12] as const;

type Version = readonly [major: number, minor: number];

const versionOf = (text: string): Version | null => {
  const match = /^(\d{1,4})\.(\d{1,4})/.exec(text);
  return match ? [Number(match[1]), Number(match[2])] : null;
};

const isBefore = ([a, b]: Version, [major, minor]: Version): boolean =>
  a < major || (a === major && b < minor);

/** What the releases of Python RQ among the workers mean for a mixed fleet. Pure. */
export const judgeVersions = (workers: readonly ListedWorker[]): Diagnosis => {
  const check = 'versions';
  const counts = new Map<string, number>();
  for (const { version } of workers)
    counts.set(version || '?', (counts.get(version || '?') ?? 0) + 1);
  const told = [...counts]
    .sort()
    .map(([version, count]) => `${count} × ${version === 'rxrq' ? 'rxrq' : `RQ ${version}`}`)
    .join(', ');
  const found = workers
    .map(({ version }) => versionOf(version))
    .filter((version) => version !== null);
  const say = saying(check, told);
  if (found.some((version) => isBefore(version, oldestKnown)))
    return say(
      'warning',
      'RQ before 1.13 is not tested against; before 1.4 it cannot read dates that later releases leave empty, and loses the job',
      'upgrade it to 2.8 or newer',
    );
  if (
    found.some(([major]) => major === 1) &&
    workers.length > found.filter(([m]) => m === 1).length
  )
    return say(
      'warning',
      "RQ 1.x drops newer workers' leases when they have run out: such a job stays started until a worker of ours, or rxrq audit --repair, brings it back",
      'upgrade the 1.x workers to 2.x',
    );
  if (found.some((version) => !isBefore(version, [2, 0]) && isBefore(version, [2, 8])))
    return say(
      'note',
      'RQ 2.0 to 2.7 fails deferred jobs of others when it cleans, and releases dependents of stopped jobs',
      'upgrade to 2.8 or newer where jobs depend on each other',
    );
  if (found.some((version) => isBefore(newestKnown, version)))
    return say(
      'note',
      'newer than the releases that were tested against (1.13, 1.16 and 2.12)',
      'read docs/python.md',
    );
  return fine(check, told === '' ? 'no workers' : told);
};
