import { isJobStatus } from '../job-status.js';
import { isJobId } from '../names.js';
import { fromTimestamp } from '../timestamp.js';
import type { Suspicion } from './finding.js';
import { type Clock, type HashView, type JobView, type Registry, registryOf } from './job-view.js';
import { isNowhere, judgeLease, judgeStatus, type Report } from './judge-status.js';

/** Of Python RQ 3; we never write it: such jobs are Python's business. */
const foreignStatuses = new Set(['ready_to_enqueue']);
const overdueAfterMs = 60_000;
/** Registries are cleaned now and then, hashes expire by themselves; a second lies between their roundings. */
const roundingMs = 2_000;

/** Everything that is wrong with one job, by section 4 of the reliability notes. Pure: the view is all it knows. */
export const judgeJob = (view: JobView, clock: Clock): Suspicion[] => {
  const found: Suspicion[] = [];
  const report: Report = (code, fact, remedy = null, mend = null, queue = queueOf(view)) => {
    const id = view.id;
    found.push({
      code,
      id,
      queue,
      fact: `${code} ${fact}`,
      seen: `${fact}${placesOf(view)}`,
      remedy,
      mend,
    });
  };
  const { hash } = view;
  if (hash === 'wrongType') {
    report('A9', 'its job key is no hash');
  } else if (hash === 'missing') {
    judgeGhost(view, clock, report);
  } else if (!isJobId(view.id)) {
    // Workers of RQ 1 run such jobs; ours, and RQ 2.8, do not.
    if (view.waiting.length + view.inFlight.length > 0)
      report('A9', 'its id is none that RQ 2.8 reads');
  } else if (!foreignStatuses.has(hash.fields.status ?? '')) {
    judgeHash(view, hash, clock, report);
  }
  return found;
};

const judgeGhost = (view: JobView, clock: Clock, report: Report): void => {
  // A hash that expired leaves its entry until the next cleaning. RQ itself leaves ids in `canceled` for ever.
  const kept = view.registered.filter(
    ({ registry, score }) =>
      registry !== 'canceled' &&
      ((registry !== 'finished' && registry !== 'failed') ||
        Number(score) < 0 ||
        Number(score) * 1000 > clock.nowMs + roundingMs),
  );
  if (view.waiting.length + view.inFlight.length + view.leases.length + kept.length > 0) {
    report('A6', 'there is no hash', 'removed from its places', { verb: 'forget', args: [] });
  }
};

const judgeHash = (view: JobView, hash: HashView, clock: Clock, report: Report): void => {
  const { status } = hash.fields;
  judgeFields(hash, report);
  if (!hash.hasData) {
    report('A7', 'the hash has no data', 'deleted', { verb: 'bury', args: [] });
    return;
  }
  if (status === undefined) {
    if (isNowhere(view)) report('A7', 'the hash has no status, and its id is nowhere');
    return;
  }
  if (!isJobStatus(status)) {
    report('A9', `status ${status} is no word of RQ`);
    return;
  }
  if (view.inFailedQueue > 1)
    report('A4', 'it is twice in the FailedQueue', 'one entry removed', {
      verb: 'unlist',
      args: [],
    });
  if (isOfLongAgo(view)) {
    for (const lease of view.leases) judgeLease(lease, clock, report);
    return;
  }
  judgeRegistries(view, hash, status, clock, report);
  judgeStatus(view, hash, status, clock, report);
};

/**
 * Whether the status is one that the job had when somebody read it, and RQ's `job.save()` wrote back. The transitions go by
 * where it stands then, and its next move sets the word right: nothing is to be mended, and what one would take from it is the
 * only place that it has.
 */
export const isOfLongAgo = (view: JobView): boolean => {
  if (typeof view.hash === 'string') return false;
  const { status, x_exec: exec } = view.hash.fields;
  const home = registryOf[status as keyof typeof registryOf];
  const isListed = view.waiting.length + view.inFlight.length > 0;
  const isRegistered = view.registered.some(({ registry }) => registry === home);
  const isClaimed = view.leases.some(({ execution }) => execution !== '' && execution === exec);
  switch (status) {
    case 'queued':
    case 'created':
      return !isListed && !isClaimed && standsElsewhere(view);
    case 'started':
      return !isListed && view.leases.length === 0 && standsElsewhere(view);
    case 'scheduled':
    case 'deferred':
      return !isRegistered && (isListed || standsElsewhere(view));
    case 'finished':
    case 'failed':
    case 'stopped':
    case 'canceled':
      return !isRegistered && (isListed || view.leases.length > 0);
    default:
      return false;
  }
};

const standsElsewhere = ({ hash, leases, registered }: JobView): boolean =>
  leases.length > 0 ||
  registered.some(
    ({ registry, score }) =>
      standing.has(registry) || (registry === 'canceled' && isCanceledAt(hash, Number(score))),
  );

// Not enqueued since: RQ's `enqueue_job` leaves the entry, whose score is the time of the cancel.
const isCanceledAt = (hash: JobView['hash'], seconds: number): boolean => {
  if (typeof hash === 'string' || !(seconds >= 0 && seconds < 1e11)) return false;
  const at = new Date(Math.floor(seconds) * 1000).toISOString().slice(0, 19);
  return (hash.fields.enqueued_at ?? '').slice(0, 19) <= at;
};

/** A job in one of these is what that says, whatever its own status is. */
const standing = new Set<Registry>(['scheduled', 'deferred', 'finished', 'failed']);

const integers = ['timeout', 'ttl', 'result_ttl', 'failure_ttl', 'retries_left'] as const;
const times = ['created_at', 'enqueued_at', 'started_at', 'ended_at', 'last_heartbeat'] as const;

const judgeFields = (hash: HashView, report: Report): void => {
  const odd = [
    ...integers.filter(
      (name) => hash.fields[name] !== undefined && !/^-?\d{1,15}$/.test(hash.fields[name]),
    ),
    ...times.filter((name) => hash.fields[name] && fromTimestamp(hash.fields[name]) === null),
  ];
  for (const name of odd) {
    const value = (hash.fields[name] ?? '').slice(0, 60);
    report('A9', `field ${name} is ${JSON.stringify(value)}`, 'kept aside in the hash', {
      verb: 'keepAside',
      args: [name],
    });
  }
};

const judgeRegistries = (
  view: JobView,
  hash: HashView,
  status: string,
  clock: Clock,
  report: Report,
): void => {
  const home = registryOf[status as keyof typeof registryOf];
  for (const { registry, queue, score } of view.registered) {
    if (registry !== home) {
      const fact = `status ${status}, and it is in rq:${registry}:${queue}`;
      report(
        'A11',
        fact,
        'removed from there',
        { verb: 'unregister', args: [registry, queue] },
        queue,
      );
    } else if (registry === 'scheduled' && Number(score) * 1000 < clock.nowMs - overdueAfterMs) {
      const mend = { verb: 'promote', args: [] };
      report('A12', `it was due at ${score}`, 'put on its queue', mend, queue);
    }
  }
  // Its own entry goes first when the lifetime ends.
  const isLeaving = hash.expiresInMs >= 0 && hash.expiresInMs <= roundingMs;
  if (home && !isLeaving && !view.registered.some(({ registry }) => registry === home)) {
    report('A11', `status ${status}, and it is in no rq:${home} registry`, 'entered there', {
      verb: 'register',
      args: [home],
    });
  }
};

const queueOf = (view: JobView): string | null => {
  if (typeof view.hash === 'object' && view.hash.fields.origin) return view.hash.fields.origin;
  return (
    view.waiting[0] ??
    view.inFlight[0] ??
    view.leases[0]?.queue ??
    view.registered[0]?.queue ??
    null
  );
};

const placesOf = (view: JobView): string => {
  const places = [
    ...view.waiting.map((queue) => `rq:queue:${queue}`),
    ...view.inFlight.map((queue) => `rq:queue:${queue}:intermediate`),
    ...view.leases.map(({ queue, member, score }) => `rq:wip:${queue} ${member}=${score}`),
    ...view.registered.map(({ registry, queue, score }) => `rq:${registry}:${queue}=${score}`),
  ];
  return `; found in ${places.length > 0 ? places.join(', ') : 'no list or registry'}`;
};
