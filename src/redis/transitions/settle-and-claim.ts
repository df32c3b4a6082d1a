import { deflateSync } from 'node:zlib';
import type { Redis } from 'ioredis';
import { afterwardsFields, readAfterwards } from '../afterwards.js';
import { type Casualty, fallenJob } from '../casualties.js';
import { keys } from '../keys.js';
import { type Argument, asArgument, loadScript, runScript } from '../scripts.js';
import { claimKeys, type WireSettings } from './queue-keys.js';
import {
  type ClaimedJob,
  type RetryAsked,
  type Settlement,
  type Verdict,
  verdictOf,
} from './settlement.js';

const script = loadScript('settle-and-claim');

/** One exchange of a worker with Redis. */
export interface ExchangeRequest {
  /** 24 hex characters, made before the first try and kept for every further one. */
  requestId: string;
  settlements: readonly Settlement[];
  /** Held jobs whose handlers began, and when by `performance.now()`. */
  begun: ReadonlyArray<{ job: ClaimedJob; beganAtMs: number }>;
  /** Ids that a blocking pop moved to the in-flight list. */
  hints: ReadonlyArray<{ queue: string; id: Buffer }>;
  toStart: number;
  toHold: number;
  /** Working time to add to the worker's, in milliseconds. */
  workedMs?: number;
  /** `number:weight` of each queue, in the order in which to take from them; absent is all of the first one first. */
  order?: string;
}

/** What nothing may be taken from, as a claim found it. */
export interface Paused {
  /** No worker may take anything: `rq suspend`. */
  isSuspended: boolean;
  queues: readonly string[];
}

export interface ExchangeReply {
  /** One for each settlement, in order. */
  verdicts: Verdict[];
  claimed: ClaimedJob[];
  /** Jobs that were quarantined because nobody can begin them, of which somebody wants to hear. */
  casualties: readonly Casualty[];
  /** Ids that still wait in the queues; 0 when nothing was asked for. */
  left: number;
  /** Queues left out because one of their keys has a wrong type. */
  faults: string[];
  /** `null` when nothing is paused, or nothing was asked for. */
  paused: Paused | null;
  /** Queues that have used up their limit of starts, and in how many milliseconds more may start. */
  heldBack: ReadonlyMap<string, number>;
}

/**
 * The exchange for a worker on the given queues, first one first. `slot` names one of its places for an
 * unanswered call; each slot may have one at a time. Safe to repeat with the same request; whoever repeats one says so
 * (`isAskedAgain`), because the first one may still be under way.
 */
export const exchangeFor = (
  redis: Redis,
  worker: string,
  queues: readonly string[],
  settings: WireSettings,
) => {
  const numberOf = new Map(queues.map((queue, index) => [queue, index + 1]));
  const fixedKeys = [
    keys.worker(worker),
    ...queues.flatMap(claimKeys),
    ...[keys.suspended, ...queues.map(keys.paused), ...queues.map(keys.startLimit)],
  ];
  const fixed: Argument[] = [
    worker,
    settings.wideLeaseSeconds,
    settings.eventLogLength,
    settings.resultTtlSeconds,
    settings.failureTtlSeconds,
    settings.payloadLimitBytes,
  ];

  const argumentsOf = (request: ExchangeRequest, isAskedAgain: boolean): Argument[] => {
    const now = performance.now();
    const { hints, begun } = request;
    const runs = runsOf(request.settlements, numberOf);
    const args: Argument[] = [
      request.requestId,
      ...fixed,
      request.toStart,
      request.toHold,
      runs.length,
      rareWords(request, isAskedAgain),
    ];
    for (const { queue, id } of hints) args.push(numberOf.get(queue) as number, asArgument(id));
    for (const { job, beganAtMs } of begun) {
      args.push(
        numberOf.get(job.queue) as number,
        job.jobId,
        job.execution,
        Math.round(now - beganAtMs),
      );
    }
    for (const { words, settlements } of runs) {
      args.push(`${settlements.length} ${words}`);
      for (const { job, beganAtMs, tookMs, end } of settlements) {
        args.push(job.jobId, job.execution, Math.round(tookMs));
        if (end.kind === 'finish') {
          // The stream's reader wants base64, the hash the bytes themselves.
          const { result } = end;
          if (result !== null)
            args.push(job.wantsStream ? result.toString('base64') : asArgument(result));
        } else if (end.kind === 'fail' || end.kind === 'stop') {
          const asked = end.kind === 'fail' ? end.retryAsked : undefined;
          const traceback = asked ? usedUpText(asked, end.traceback) : end.traceback;
          const deflated = job.wantsStream ? deflateSync(traceback).toString('base64') : '';
          args.push(traceback, deflated, end.kind === 'stop' ? end.reason : verdictText(end));
        } else {
          args.push(end.reason, end.kind === 'pass' ? end.limit : '', '');
        }
        if (beganAtMs !== null) args.push(Math.round(now - beganAtMs));
        if (job.rateLimitKey !== undefined) args.push(job.rateLimitKey);
      }
    }
    return args;
  };

  return async (
    slot: number,
    request: ExchangeRequest,
    isAskedAgain = false,
  ): Promise<ExchangeReply> => {
    const scriptKeys = [keys.reply(worker, slot), ...fixedKeys];
    const args = argumentsOf(request, isAskedAgain);
    const reply = (await runScript(redis, script, scriptKeys, args)) as Reply;
    const [letters, left, jobs, paused] = reply;
    const claimed = readClaimed(reply, jobs, queues);
    const [pausedWords = '', heldBack = ''] = paused.length > 0 ? String(paused).split(';') : [];
    const casualties = Array.isArray(reply.at(-1))
      ? addAfterwards(claimed, reply.pop() as Afterwards, queues)
      : noCasualties;
    const faults = reply.slice(firstJob + jobs * 4).map(String);
    // The call's promise holds it, and outlives it on Node 20 by many a scavenge: decision 30.
    reply.length = 0;
    return {
      // Not by `Array.from`, whose iterator costs as much as all else of a small reply.
      verdicts: letters
        .toString('latin1')
        .split('')
        .map((letter) => verdictOf[letter] as Verdict),
      left,
      faults,
      claimed,
      casualties,
      paused: pausedWords === '' ? null : readPaused(pausedWords, queues),
      heldBack: heldBack === '' ? nothingHeldBack : readHeldBack(heldBack, queues),
    };
  };
};

/** Settlements in a row that are alike: what is said of all of them is sent and read once. */
interface Run {
  words: string;
  settlements: Settlement[];
}

const runsOf = (
  settlements: readonly Settlement[],
  numberOf: ReadonlyMap<string, number>,
): Run[] => {
  const runs: Run[] = [];
  for (const settlement of settlements) {
    const { job, end, beganAtMs, heartbeaten } = settlement;
    const kind = end.kind === 'finish' && end.result !== null ? 'done' : end.kind;
    const marks =
      (job.wantsStream ? 1 : 0) +
      (heartbeaten ? 2 : 0) +
      (job.started ? 0 : 4) +
      (beganAtMs === null ? 0 : 8) +
      (job.rateLimitKey === undefined ? 0 : 16) +
      (job.isNew ? 32 : 0);
    const words = `${numberOf.get(job.queue)} ${kind} ${marks}`;
    const last = runs.at(-1);
    if (last?.words === words) last.settlements.push(settlement);
    else runs.push({ words, settlements: [settlement] });
  }
  return runs;
};

// What nearly no call has to say.
const rareWords = (
  { hints, begun, workedMs = 0, order = '' }: ExchangeRequest,
  isAskedAgain: boolean,
): string => {
  if (hints.length + begun.length + workedMs === 0 && order === '' && !isAskedAgain) return '';
  const words = [hints.length, begun.length, isAskedAgain ? 1 : 0, Math.round(workedMs)];
  return `${words.join(' ')} ${order}`;
};

/** For the case that it was the last; RQ's own words. */
const usedUpText = ({ max }: RetryAsked, traceback: string): string =>
  `Job failed after ${max} retry attempts\n${traceback}`;

const verdictText = (end: Extract<Settlement['end'], { kind: 'fail' }>): string => {
  const { reason, retryable, retryAsked, forPython } = end;
  if (!retryAsked) return JSON.stringify({ reason, retryable, forPython });
  const intervals = JSON.stringify(retryAsked.intervalsSeconds);
  return JSON.stringify({ reason, retryable, max: retryAsked.max, intervals });
};

/**
 * Verdicts, what is left, how many jobs, what is paused or held back; then four values for each job, then the faults; at last, where
 * jobs have any, what is to be done afterwards.
 */
type Reply = [Buffer, number, number, Buffer, ...Array<Buffer | Afterwards | null>];
type Afterwards = ReadonlyArray<number | Buffer | null>;
const firstJob = 4;

const nothingHeldBack: ReadonlyMap<string, number> = new Map();

const readHeldBack = (words: string, queues: readonly string[]): ReadonlyMap<string, number> => {
  const heldBack = new Map<string, number>();
  const numbers = words.split(' ').map(Number);
  for (let at = 0; at + 1 < numbers.length; at += 2)
    heldBack.set(queues[(numbers[at] as number) - 1] as string, numbers[at + 1] as number);
  return heldBack;
};

const readPaused = (words: string, queues: readonly string[]): Paused => {
  const numbers = words.split(' ').map(Number);
  return {
    isSuspended: numbers.includes(0),
    queues: queues.filter((_, index) => numbers.includes(index + 1)),
  };
};

const noCasualties: readonly Casualty[] = [];

const addAfterwards = (
  claimed: readonly ClaimedJob[],
  rows: Afterwards,
  queues: readonly string[],
): Casualty[] => {
  const casualties: Casualty[] = [];
  const width = afterwardsFields.length + 1;
  for (let at = 0; at + width <= rows.length; at += width) {
    const afterwards = readAfterwards(rows.slice(at + 1, at + width) as Array<Buffer | null>);
    const head = rows[at] as number | Buffer;
    if (!afterwards) continue;
    if (Buffer.isBuffer(head)) {
      const [number, jobId, ...reason] = head.toString().split(' ') as [
        string,
        string,
        ...string[],
      ];
      const job = fallenJob({ queue: queues[Number(number) - 1] as string, jobId, afterwards });
      const error = { name: 'QuarantinedError', message: reason.join(' ') };
      casualties.push({ job, error, isForGood: true });
    } else if (claimed[head - 1]) {
      (claimed[head - 1] as ClaimedJob).afterwards = afterwards;
    }
  }
  return casualties;
};

const readClaimed = (
  reply: Readonly<Reply>,
  count: number,
  queues: readonly string[],
): ClaimedJob[] => {
  const jobs: ClaimedJob[] = [];
  for (let i = firstJob; i < firstJob + count * 4; i += 4) {
    const head = (reply[i] as Buffer).toString('latin1').split(' ');
    const timeout = Number(head[5]);
    const tail = (reply[i + 3] as Buffer).toString();
    const blank = tail.indexOf(' ');
    const job: ClaimedJob = {
      queue: queues[Number(head[1]) - 1] as string,
      jobId: head[0] as string,
      execution: head[2] as string,
      started: head[3] === '1',
      attempt: Number(head[4]),
      timeoutMs: timeout < 0 ? null : timeout * 1000,
      data: reply[i + 1] as Buffer,
      meta: (reply[i + 2] as Buffer | null) ?? null,
      wantsStream: head[6] === '1',
      isNew: head[6] === '2',
      enqueuedAt: blank < 0 ? tail : tail.slice(0, blank),
    };
    if (blank >= 0) job.rateLimitKey = tail.slice(blank + 1);
    jobs.push(job);
  }
  return jobs;
};
