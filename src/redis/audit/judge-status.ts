import { fromTimestamp } from '../timestamp.js';
import type { AuditCode, Mend } from './finding.js';
import { type Clock, type HashView, type JobView, type LeaseView, registryOf } from './job-view.js';

const orphanAfterMs = 60_000;

/** Takes one fact down. */
export type Report = (
  code: AuditCode,
  fact: string,
  remedy?: string | null,
  mend?: Mend | null,
  queue?: string | null,
) => void;

/** Whether a job is where its status says, once, and will stay there as long as it must. */
export const judgeStatus = (
  view: JobView,
  hash: HashView,
  status: string,
  clock: Clock,
  report: Report,
): void => {
  const seen = { ...view, waiting: judgeElsewhere(view, hash, status, report) };
  if (status === 'queued') judgeQueued(seen, hash, clock, report);
  else if (status === 'started') judgeStarted(seen, hash, clock, report);
  else judgeResting(seen, hash, status, clock, report);
};

// Somebody may have moved it to another list on purpose: there it is well as long as that is its only place.
const judgeElsewhere = (
  { waiting, leases }: JobView,
  { fields: { origin } }: HashView,
  status: string,
  report: Report,
): string[] => {
  const isHere = waiting.includes(origin ?? '') || leases.some(({ queue }) => queue === origin);
  const mayBeElsewhere = !isHere && (status === 'queued' || status === 'started');
  if (!origin || mayBeElsewhere) return waiting;
  for (const queue of new Set(waiting.filter((name) => name !== origin)))
    report(
      'A4',
      `status ${status}, and it waits in ${queue} as well, which is not its own queue`,
      'removed from that list',
      { verb: 'unlistElsewhere', args: [origin] },
      queue,
    );
  return waiting.filter((name) => name === origin);
};

const park = (queue: string, report: Report): void => {
  const mend = { verb: 'unpark', args: [queue] };
  report(
    'A10',
    'it is in flight',
    'put to the head of its queue, unless it waits there',
    mend,
    queue,
  );
};

const judgeQueued = (view: JobView, hash: HashView, clock: Clock, report: Report): void => {
  const held = view.leases.filter(
    ({ execution }) => execution !== '' && execution === hash.fields.x_exec,
  );
  const waiting = view.waiting.length;
  if (waiting + view.inFlight.length + view.leases.length === 0) {
    report('A1', 'status queued', 'put to the head of its queue', { verb: 'restore', args: [] });
  }
  for (const queue of view.inFlight) park(queue, report);
  if (waiting > 1 || (waiting === 1 && held.length > 0)) {
    report(
      'A4',
      waiting > 1 ? 'it waits twice' : 'it waits and is held',
      'the other entries removed',
      { verb: 'unlist', args: [] },
    );
  }
  for (const lease of view.leases) {
    if (held.includes(lease)) {
      judgeLease(lease, clock, report);
    } else {
      report(
        'A4',
        `it waits, and ${lease.member} is in rq:wip`,
        'the lease removed',
        { verb: 'unlease', args: [lease.queue, lease.member] },
        lease.queue,
      );
    }
  }
  judgeLifetime(hash, report);
};

const judgeStarted = (view: JobView, hash: HashView, clock: Clock, report: Report): void => {
  const living = view.leases.filter(({ score }) => Number(score) * 1000 > clock.nowMs);
  if (view.leases.length === 0) {
    // In a list it is not stuck: the claim takes a started job that nobody holds.
    if (view.waiting.length + view.inFlight.length === 0) {
      report('A2', 'status started', 'recovered', { verb: 'restore', args: [] });
    }
    for (const queue of view.inFlight) park(queue, report);
  } else if (view.waiting.length > 0) {
    report('A4', 'it runs and waits', 'removed from the list', { verb: 'unlist', args: [] });
  }
  if (living.length > 1) report('A5', `${living.length} executions hold it`);
  for (const lease of view.leases) judgeLease(lease, clock, report);
  const { x_exec: exec } = hash.fields;
  if (
    exec !== undefined &&
    view.leases.length > 0 &&
    !view.leases.some(({ execution }) => execution === exec)
  ) {
    report('A20', `x_exec is ${exec}, which is in no lease`);
  }
  judgeLifetime(hash, report);
};

/** Whether the owner of a lease is overdue. */
export const judgeLease = (lease: LeaseView, clock: Clock, report: Report): void => {
  const score = Number(lease.score);
  if (!(score >= 0) || score * 1000 > clock.nowMs + 400 * 86_400_000) {
    report(
      'A11',
      `the lease ${lease.member} has score ${lease.score}, which is no time in seconds`,
      null,
      null,
      lease.queue,
    );
    return;
  }
  const workerMs = clock.workerLease(lease.queue, lease.execution);
  const isOver = score * 1000 < clock.nowMs - clock.graceMs;
  const isOwnerGone = workerMs !== undefined && workerMs < clock.nowMs - clock.graceMs;
  if (!isOver && !isOwnerGone) return;
  const [kind, seen] = isOver ? ['job', lease.score] : ['worker', String(workerMs)];
  report(
    'A3',
    `the ${isOver ? 'lease' : "worker's lease"} of ${lease.member} ended at ${seen}`,
    'recovered',
    { verb: 'recover', args: [lease.queue, lease.member, seen as string, kind as string] },
    lease.queue,
  );
};

const judgeResting = (
  view: JobView,
  hash: HashView,
  status: string,
  clock: Clock,
  report: Report,
): void => {
  const isEnded = status === 'finished' || status === 'failed' || status === 'stopped';
  if (status === 'created') {
    const bornMs = fromTimestamp(hash.fields.created_at)?.getTime() ?? 0;
    if (isNowhere(view) && bornMs < clock.nowMs - orphanAfterMs)
      report('A7', 'status created for more than a minute, and its id is nowhere');
    return;
  }
  if (view.waiting.length > 0) {
    report('A4', `status ${status}, and it waits`, 'removed from the list', {
      verb: 'unlist',
      args: [],
    });
  }
  for (const queue of view.inFlight) {
    report(
      'A10',
      `status ${status}, and it is in flight`,
      'taken out of there',
      { verb: 'unpark', args: [queue] },
      queue,
    );
  }
  // A canceled job may run on for a while; one that ended must not be failed again by a cleaner of RQ 2.
  for (const lease of isEnded ? view.leases : []) {
    report(
      'A4',
      `status ${status}, and ${lease.member} is in rq:wip`,
      'the lease removed',
      { verb: 'unlease', args: [lease.queue, lease.member] },
      lease.queue,
    );
  }
  const entry = view.registered.find(
    ({ registry }) => registry === registryOf[status as keyof typeof registryOf],
  );
  if (
    isEnded &&
    entry &&
    hash.expiresInMs === -1 &&
    Number(entry.score) > 0 &&
    entry.score !== 'inf'
  ) {
    const fact = `status ${status} until ${entry.score}, and the hash never expires`;
    report('A7', fact, 'given that lifetime', {
      verb: 'expire',
      args: [entry.registry, entry.queue],
    });
  }
};

// RQ's time to live counts while a job waits; without that field nothing may take the hash away.
const judgeLifetime = (hash: HashView, report: Report): void => {
  const { timeout, ttl, status } = hash.fields;
  const limitMs = (Number(timeout ?? 180) || 180) * 1000;
  const isLimited = hash.expiresInMs >= 0 && (limitMs < 0 || hash.expiresInMs < limitMs);
  if (isLimited && (status === 'started' || ttl === undefined)) {
    report('A8', `status ${status}, and the hash expires`, 'made to stay', {
      verb: 'persist',
      args: [],
    });
  }
};

/** In no list, in flight nowhere, held by nobody, in no registry. */
export const isNowhere = (view: JobView): boolean =>
  view.waiting.length + view.inFlight.length + view.leases.length + view.registered.length === 0;
