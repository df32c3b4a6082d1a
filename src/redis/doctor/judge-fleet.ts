import type { ListedWorker } from '../worker-records.js';
import { type Diagnosis, fine, type Level } from './finding.js';
import { judgeLimits } from './judge-limits.js';
import { judgeSchedulers } from './judge-schedulers.js';
import { judgeVersions } from './judge-versions.js';
import type { FleetReading } from './read-fleet.js';

/** A worker tells of itself at least so often, and its record lives little longer. RQ: `worker_ttl`. */
const silentMs = 480_000;
/** RQ never takes an id out of `rq:canceled:<queue>`. */
const manyCanceled = 10_000;

/** Who is there, who is missing, and who holds what. Pure. */
export const judgeFleet = (fleet: FleetReading): Diagnosis[] => [
  judgeVersions(fleet.workers),
  judgeWorkers(fleet),
  judgeWaiting(fleet),
  judgeSuspension(fleet),
  judgeSchedulers(fleet.queues),
  judgeFailedQueue(fleet),
  judgeCanceled(fleet),
  judgeLimits(fleet),
];

const namesOf = (list: readonly { name: string }[]): string =>
  list.length <= 5
    ? list.map(({ name }) => name).join(', ')
    : `${list
        .slice(0, 5)
        .map(({ name }) => name)
        .join(', ')} and ${list.length - 5} more`;

const isSilent = ({ lastHeartbeat }: ListedWorker, nowMs: number): boolean =>
  lastHeartbeat !== null && nowMs - lastHeartbeat.getTime() > silentMs;

const judgeWorkers = ({ workers, nowMs }: FleetReading): Diagnosis => {
  const check = 'workers';
  const silent = workers.filter((worker) => isSilent(worker, nowMs));
  if (silent.length > 0)
    return {
      check,
      level: 'warning',
      what: `silent for more than ${silentMs / 60_000} minutes: ${namesOf(silent)}`,
      why: 'they are frozen, or their records outlive them; what they hold is recovered only when its lease ends',
      remedy: 'look at those processes; rxrq audit tells of records that never expire',
    };
  const ours = workers.filter(({ version }) => version === 'rxrq').length;
  if (workers.length > 0) return fine(check, `${ours} of Node, ${workers.length - ours} of Python`);
  return {
    check,
    level: 'note',
    what: 'no worker',
    why: 'nobody runs jobs',
    remedy: 'rxrq worker <queues> --import <file>, or rq worker <queues>',
  };
};

const judgeWaiting = ({ queues, workers, nowMs }: FleetReading): Diagnosis => {
  const check = 'waiting-jobs';
  const listening = workers.filter((worker) => !isSilent(worker, nowMs));
  const served = new Set(listening.flatMap((worker) => worker.queues));
  const alone = queues.filter(({ name, queued }) => queued > 0 && !served.has(name));
  const waiting = queues.reduce((sum, { queued }) => sum + queued, 0);
  if (alone.length === 0) return fine(check, `${waiting} jobs wait, each where a worker listens`);
  const jobs = alone.reduce((sum, { queued }) => sum + queued, 0);
  return {
    check,
    level: 'warning',
    what: `${jobs} jobs wait where no worker listens: ${namesOf(alone)}`,
    why: 'they wait until one comes, or until their ttl ends',
    remedy: 'start a worker for these queues, or rxrq empty them',
  };
};

const judgeSuspension = ({ suspendedSeconds, queues }: FleetReading): Diagnosis => {
  const check = 'suspension';
  if (suspendedSeconds !== null)
    return {
      check,
      level: 'warning',
      what: `all workers are suspended${suspendedSeconds < 0 ? '' : ` for ${suspendedSeconds} s`}`,
      why: 'no worker takes a job, Python or Node',
      remedy: 'rxrq resume, when whatever it was for is over',
    };
  const paused = queues.filter(({ isPaused }) => isPaused);
  if (paused.length === 0) return fine(check, 'nothing is suspended or paused');
  return {
    check,
    level: 'note',
    what: `paused: ${namesOf(paused)}`,
    why: "Node's workers take no jobs of these queues; Python's know no pauses",
    remedy: 'rxrq unpause <queues>, when whatever it was for is over',
  };
};

const judgeFailedQueue = ({ isFailedAQueue, failedListType, workers }: FleetReading): Diagnosis => {
  const check = 'failed-queue';
  const listening = workers.filter(({ queues }) => queues.includes('failed'));
  const say = (level: Level, what: string, why: string, remedy: string): Diagnosis => ({
    check,
    level,
    what,
    why,
    remedy,
  });
  if (listening.length > 0)
    return say(
      'problem',
      `work on the queue "failed": ${namesOf(listening)}`,
      'they run failed jobs again, as if somebody had requeued them',
      'stop them; no worker may listen to "failed"',
    );
  if (failedListType !== 'list' && failedListType !== 'none')
    return say(
      'problem',
      `rq:queue:failed is a ${failedListType}`,
      'the FailedQueue keeps its order there, and a job that fails could not be entered',
      'rename or delete that key, it is none of ours',
    );
  if (isFailedAQueue)
    return say(
      'warning',
      'rq:queues names rq:queue:failed',
      "Python's tools show it as a queue with waiting jobs, and invite somebody to work on it",
      'rxrq audit --repair takes it out; an RQ older than 1.0 puts it back',
    );
  return fine(check, 'nobody takes the FailedQueue for a queue');
};

const judgeCanceled = ({ queues }: FleetReading): Diagnosis => {
  const check = 'canceled-jobs';
  const large = queues.filter(({ canceled }) => canceled > manyCanceled);
  if (large.length === 0) return fine(check, 'no registry of canceled jobs is large');
  const most = Math.max(...large.map(({ canceled }) => canceled));
  return {
    check,
    level: 'note',
    what: `up to ${most} ids of canceled jobs: ${namesOf(large)}`,
    why: 'RQ never removes them, also when the jobs are gone',
    remedy: 'ZREMRANGEBYSCORE rq:canceled:<queue> 0 <time in seconds> for old ones',
  };
};
