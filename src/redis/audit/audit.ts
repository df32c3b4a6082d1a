import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { readServerClock } from '../server-clock.js';
import type { WireSettings } from '../transitions/queue-keys.js';
import { bytes } from './chunks.js';
import { type AuditCode, type Finding, type Suspicion, shown } from './finding.js';
import { type Clock, type JobView, noPlaces } from './job-view.js';
import { judgeDeferred } from './judge-deferred.js';
import { judgeHouse } from './judge-house.js';
import { isOfLongAgo, judgeJob } from './judge-job.js';
import { judgeLimited, judgeLimits } from './judge-limits.js';
import { judgeLogs, type LogReading } from './judge-log.js';
import { judgeGrouped, judgeMarks } from './judge-marks.js';
import { lookAtJob } from './look-at-job.js';
import { mend } from './mend.js';
import { leaseName, readHashes, type Survey, survey } from './survey.js';

export interface AuditOptions {
  /** Findings of these queues only. Default: all, and what belongs to none. */
  queues?: readonly string[];
  /** Between the two looks, in milliseconds. Default: half the workers' lease, which is two of their heartbeats. */
  intervalMs?: number;
  /**
   * For facts that living workers see to by themselves, now and then: the least time between the two looks, in milliseconds.
   * Default 12 s, a sweep's period twice and a little.
   */
  sweptWithinMs?: number;
  /** How long after its end a lease may go unrecovered, in milliseconds. Default: half the workers' lease. */
  graceMs?: number;
  /** Mend what can be mended safely. Default false: nothing is written. */
  repair?: boolean;
}

export interface AuditReport {
  findings: Finding[];
  /** What was looked at. */
  jobs: number;
  queues: number;
  events: number;
  tookMs: number;
}

/**
 * Holds a living Redis against the invariants of the wire, without locks and in small steps. A fact counts only
 * when a second look, `intervalMs` later, sees it again, so that a busy system raises no alarm. Judges by keys
 * and values alone and shares no code with the transitions that it checks.
 *
 * @param seen the first look, where it was taken already
 * @throws what Redis throws: then nothing is known
 */
export const audit = async (
  redis: Redis,
  wire: WireSettings,
  options: AuditOptions = {},
  seen?: Survey,
): Promise<AuditReport> => {
  const beganMs = performance.now();
  const {
    queues,
    repair = false,
    intervalMs = wire.narrowLeaseMs / 2,
    graceMs = wire.narrowLeaseMs / 2,
    sweptWithinMs = 12_000,
  } = options;
  const first = seen ?? (await survey(redis));
  const log = await judgeLogs(redis, first.names.queues);
  const suspicions = [
    ...first.odd,
    ...(await judgeBeside(redis, first, wire)),
    ...(await judgeJobs(redis, first, log, graceMs)),
  ];
  const isMeant = ({ queue }: Suspicion): boolean =>
    !queues || (queue !== null && queues.includes(bytes(queue).toString('utf8')));
  const seenAgain: Suspicion[] = [...log.suspicions];
  const meant = suspicions.filter(isMeant);
  if (meant.length > 0) {
    const isPatient = meant.some(({ code }) => swept.has(code));
    await delay(isPatient ? Math.max(intervalMs, sweptWithinMs) : intervalMs);
    seenAgain.push(...(await lookAgain(redis, meant, first, log, wire, graceMs)));
  }
  const findings: Finding[] = [];
  for (const suspicion of seenAgain.filter(isMeant)) {
    const {
      code,
      id,
      queue,
      seen,
      remedy,
      isCritical = code === 'A5' || code === 'A20',
    } = suspicion;
    const mended = repair && suspicion.mend ? await mend(redis, suspicion, wire) : null;
    findings.push({
      code,
      jobId: id === null ? null : shown(id),
      queue: queue === null ? null : shown(queue),
      seen: shown(seen),
      remedy,
      isCritical,
      mended,
    });
  }
  const { names, places } = first;
  const jobs = names.jobIds.size + [...places.keys()].filter((id) => !names.jobIds.has(id)).length;
  return {
    findings,
    jobs,
    queues: names.queues.size,
    events: log.events,
    tookMs: Math.round(performance.now() - beganMs),
  };
};

/** Of these workers see to some by themselves, now and then. */
const swept: ReadonlySet<AuditCode> = new Set(['A21', 'A23']);
/** Facts that a look at the job alone would not find again. */
const besideJobs: ReadonlySet<AuditCode> = new Set(['A14', 'A21', 'A22', 'A23']);

/** All that is judged by names and books, and not job by job. */
const judgeBeside = async (
  redis: Redis,
  seen: Survey,
  { eventLogLength }: WireSettings,
): Promise<Suspicion[]> => [
  ...(await judgeHouse(redis, seen, eventLogLength)),
  ...(await judgeLimits(redis, seen)),
  ...(await judgeMarks(redis, seen)),
];

const judgeJobs = async (
  redis: Redis,
  { names, places, workerLeases }: Survey,
  log: LogReading,
  graceMs: number,
): Promise<Suspicion[]> => {
  const found: Suspicion[] = [];
  const deferred: string[] = [];
  const limited: string[] = [];
  const grouped: string[] = [];
  const ids = new Set(names.jobIds);
  for (const id of places.keys()) ids.add(id);
  for await (const part of readHashes(redis, ids)) {
    const clock: Clock = {
      nowMs: (await readServerClock(redis)).ms,
      graceMs,
      workerLease: (queue, execution) => workerLeases.get(leaseName(queue, execution)),
    };
    for (const [id, hash] of part) {
      const { status, group_id } = typeof hash === 'object' ? hash.fields : {};
      const view = { id, hash, ...(places.get(id) ?? noPlaces()) };
      if (status === 'deferred' && !isOfLongAgo(view)) deferred.push(id);
      if (status === 'rate_limited') limited.push(id);
      if (group_id) grouped.push(id);
      found.push(...judgeJob(view, clock));
      found.push(...judgeAttempt(id, hash, log));
    }
  }
  found.push(...(await judgeDeferred(redis, deferred)));
  found.push(...(await judgeLimited(redis, limited)));
  found.push(...(await judgeGrouped(redis, grouped)));
  return found;
};

// The fence only grows. A job that was made anew since the log was read has a later `enqueued_at`.
const judgeAttempt = (id: string, hash: JobView['hash'], { attempts }: LogReading): Suspicion[] => {
  const told = attempts.get(id);
  if (!told || typeof hash === 'string') return [];
  const { x_attempt: attempt, origin = null, enqueued_at } = hash.fields;
  if (attempt === undefined || attempt === '1' || Number(attempt) >= told.attempt) return [];
  if (Date.parse(enqueued_at ?? '') > told.atMs) return [];
  const text = `x_attempt is ${attempt}, and the log told of attempt ${told.attempt}`;
  return [
    { code: 'A20', id, queue: origin, fact: `A20 ${text}`, seen: text, remedy: null, mend: null },
  ];
};

/** The second look: each suspected job at one moment, and the house once more. */
const lookAgain = async (
  redis: Redis,
  suspicions: readonly Suspicion[],
  first: Survey,
  log: LogReading,
  wire: WireSettings,
  graceMs: number,
): Promise<Suspicion[]> => {
  const suspected = new Set(suspicions.map(nameOf));
  const queuesOf = new Map<string, Set<string>>();
  for (const { id, queue, code } of suspicions) {
    if (id === null || besideJobs.has(code)) continue;
    const queues = queuesOf.get(id) ?? new Set();
    queuesOf.set(id, queue === null ? queues : queues.add(queue));
  }
  const idsWith = (wanted: AuditCode): string[] =>
    suspicions.flatMap(({ id, code }) => (code === wanted && id !== null ? [id] : []));
  const again: Suspicion[] = [
    ...(await judgeDeferred(redis, idsWith('A13'))),
    ...(await judgeLimited(redis, idsWith('A21'))),
    ...(await judgeGrouped(redis, idsWith('A22'))),
  ];
  for (const [id, queues] of queuesOf) {
    const { waiting, inFlight, leases, registered } = first.places.get(id) ?? noPlaces();
    for (const queue of [
      ...waiting,
      ...inFlight,
      ...[...leases, ...registered].map((place) => place.queue),
    ])
      queues.add(queue);
    const { view, clock } = await lookAtJob(redis, id, [...queues], graceMs);
    again.push(...judgeJob(view, clock), ...judgeAttempt(id, view.hash, log));
  }
  if (suspicions.some(({ id, code }) => id === null || besideJobs.has(code))) {
    const second = await survey(redis);
    again.push(...second.odd, ...(await judgeBeside(redis, second, wire)));
  }
  return again.filter((suspicion) => suspected.has(nameOf(suspicion)));
};

const nameOf = ({ id, fact }: Suspicion): string => `${id} ${fact}`;
