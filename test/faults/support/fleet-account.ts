import type { Finding } from '../../../src/redis/audit/finding.js';
import type { LifecycleEvent, LifecycleKind } from '../../../src/redis/lifecycle-event.js';
import type { Line } from './fleet.js';
import type { Scene } from './scene.js';

export interface Fate {
  id: string;
  status: string;
  /** Why it failed; else empty. */
  words: string;
  /** Of RQ's retries; `null` when the job had none. */
  retriesLeft: number | null;
}

/** What is known of all runs: what they told, what Node wrote, and which processes were killed. */
export interface Story {
  lines: readonly Line[];
  events: readonly LifecycleEvent[];
  killed: ReadonlySet<number>;
}

/** A run that was cut has no end. */
interface Run extends Line {
  ended: 'end' | 'fail' | 'cut';
  endedAt: number;
}

export const fatesOf = async (scene: Scene, ids: readonly string[]): Promise<Fate[]> => {
  const records = await scene.rq.fetchMany([...ids]);
  return Promise.all(
    ids.map(async (id, at) => {
      const record = records[at];
      const status = record?.status ?? 'lost';
      const retriesLeft = record?.retriesLeft ?? null;
      if (status !== 'failed') return { id, status, words: '', retriesLeft };
      const error = await scene.rq
        .queue(record?.origin ?? '')
        .job(id)
        .result({ timeoutMs: 0 })
        .then(
          () => 'no reason',
          (thrown: Error) => thrown.message,
        );
      return { id, status, words: error, retriesLeft };
    }),
  );
};

const ofItself = /doomed from the start|not yet/;

const abandoned = /AbandonedJobError/;

/** What Python makes of a death. Node runs such a job again, and tells in an event of what it fails. */
const ofPython = {
  'its horse was killed': /Work-horse terminated unexpectedly/,
  'abandoned, by the rule of Python': abandoned,
  'stuck in flight, by the rule of Python': /Job was stuck in intermediate queue/,
};

const reasonOf = ({ words, retriesLeft }: Fate, isOfNode: boolean): string | undefined => {
  if (ofItself.test(words)) return 'of itself';
  if (!isOfNode) return Object.entries(ofPython).find(([, reason]) => reason.test(words))?.[0];
  // RQ's retries decide where a job has some, in Node too.
  return abandoned.test(words) && retriesLeft === 0 ? 'abandoned with no retry left' : undefined;
};

/** Node took back what a living worker of Python's was slow to begin. */
export const slowHand = 'Python had it in its hand and looks at no status (S19)';
/** Of RQ alone: the horse fails the job and puts it back, and is killed; its worker sees a dead horse and a job that has not ended. */
export const retriedTwice =
  'its horse had retried it and was killed, and its worker retried it again';

/** How many jobs ended how, and those whose end nothing accounts for. */
export const accountOf = (fates: readonly Fate[], { lines, events }: Story) => {
  const byNode = new Set(jobsOf(events, 'quarantined'));
  const accounts: Record<string, number> = {};
  const unaccounted: unknown[] = [];
  for (const fate of fates) {
    const { id, status } = fate;
    const account = status === 'failed' ? reasonOf(fate, byNode.has(id)) : status;
    if (account !== undefined) accounts[account] = (accounts[account] ?? 0) + 1;
    else {
      const runs = lines.filter((line) => line.id === id);
      unaccounted.push({ fate, runs, events: events.filter(({ jobId }) => jobId === id) });
    }
  }
  return { accounts, unaccounted };
};

const jobsOf = (events: readonly LifecycleEvent[], kind: LifecycleKind): string[] =>
  events.flatMap((event) => (event.kind === kind ? [event.jobId] : []));

/** Runs of one job in the order of their begin. */
const runsOf = (lines: readonly Line[]): Map<string, Run[]> => {
  const runs = new Map<string, Run[]>();
  for (const line of lines) {
    const ofJob = runs.get(line.id) ?? [];
    runs.set(line.id, ofJob);
    if (line.phase === 'begin') ofJob.push({ ...line, ended: 'cut', endedAt: line.at });
    else {
      const run = ofJob.findLast(
        ({ pid, execution, ended }) =>
          pid === line.pid && execution === line.execution && ended === 'cut',
      );
      if (run) Object.assign(run, { ended: line.phase, endedAt: line.at });
    }
  }
  return runs;
};

const groupBy = <K, T>(all: readonly T[], keyOf: (one: T) => K): Map<K, T[]> => {
  const groups = new Map<K, T[]>();
  for (const one of all) {
    const key = keyOf(one);
    const group = groups.get(key);
    if (group) group.push(one);
    else groups.set(key, [one]);
  }
  return groups;
};

/**
 * Runs that came to their end and did not end their job, by the reason. Each must have its own: that its process was
 * killed before it could say so, or that its job had been taken away from it. Where Python ran, neither side wrote an event
 * of its end: there it is the runs that another one follows.
 */
export const explain = ({ lines, events, killed }: Story) => {
  const byExecution = groupBy(events, (event) =>
    'execution' in event ? `${event.execution}` : '',
  );
  const byJob = groupBy(events, ({ jobId }) => jobId);
  const begins = groupBy(
    lines.filter(({ phase }) => phase === 'begin'),
    ({ boss }) => boss,
  );

  // What the killed had begun may go on a moment without them: the time of a death says nothing. Of a Node's run its
  // own events do; a worker of Python's has one job at a time: with the next one it is done with this one.
  const wasKilled = (run: Run): boolean => {
    const isDone =
      run.side === 'python' && (begins.get(run.boss) ?? []).some(({ at }) => at > run.endedAt);
    return killed.has(run.pid) || (killed.has(run.boss) && !isDone);
  };

  /**
   * Node brought it back from in flight, and Python, which had it in its hand all the while, began it after (S19: it looks at
   * no status). With the short leases of this test that is after a third of a second, not after ten. Once doubled so,
   * Python's own retries keep it doubled.
   */
  const wasInHand = (id: string, byMs: number): boolean =>
    (byJob.get(id) ?? []).some(
      (event) => event.kind === 'handedBack' && event.execution === '' && event.at <= byMs,
    );

  const pythonsFault = (run: Run, next: Run, runs: readonly Run[]): string | undefined => {
    if (wasInHand(run.id, next.at)) return slowHand;
    const wasDoubled = runs.some(
      ({ side, ended, pid, endedAt }) =>
        side === 'python' && ended === 'fail' && killed.has(pid) && endedAt <= next.at,
    );
    return wasDoubled ? retriedTwice : undefined;
  };

  const causeOf = (run: Run, next: Run | undefined, runs: readonly Run[]): string | undefined => {
    const told = new Set((byExecution.get(run.execution ?? 'none') ?? []).map(({ kind }) => kind));
    const wasAccepted = run.side === 'node' ? told.has('finished') : next === undefined;
    if (wasAccepted && next === undefined) return 'it ended its job';
    if (wasAccepted) return next?.side === 'python' ? pythonsFault(run, next, runs) : undefined;
    if (told.has('lost')) return 'it had been taken away';
    if (wasKilled(run)) return 'its process was killed before the end was written';
    const wasTaken = (byJob.get(run.id) ?? []).some(
      ({ kind, at }) => kind === 'recovered' && at >= run.at && next !== undefined && at <= next.at,
    );
    if (run.side === 'node') return undefined;
    if (wasTaken) return 'it had been taken away';
    return next && pythonsFault(run, next, runs);
  };

  const again: Record<string, number> = {};
  const unexplained: unknown[] = [];
  for (const [id, runs] of runsOf(lines)) {
    for (const [at, run] of runs.entries()) {
      if (run.ended !== 'end') continue;
      const reason = causeOf(run, runs[at + 1], runs);
      if (reason === undefined) {
        const seen = (byJob.get(id) ?? []).map((event) => ({ ...event, cursor: undefined }));
        unexplained.push({ id, run, runs, events: seen });
      } else if (reason !== 'it ended its job') again[reason] = (again[reason] ?? 0) + 1;
    }
  }
  return { again, unexplained };
};

/**
 * Jobs that only Node ran: each must have one event of its end, that of the status it has, and one run that came to its end with
 * that execution. No job of any kind may have two events of its end.
 */
export const endsOf = (fates: readonly Fate[], { lines, events }: Story) => {
  const runs = runsOf(lines);
  const byJob = groupBy(
    events.filter(({ kind }) => kind === 'finished' || kind === 'quarantined'),
    ({ jobId }) => jobId,
  );
  let onlyNode = 0;
  const notOnce: unknown[] = [];
  for (const fate of fates) {
    const ofJob = runs.get(fate.id) ?? [];
    const ends = byJob.get(fate.id) ?? [];
    let isOnce = ends.length <= 1;
    if (ofJob.length > 0 && ofJob.every(({ side }) => side === 'node')) {
      onlyNode += 1;
      const [end] = ends;
      if (fate.status === 'finished') {
        const ended = ofJob.filter(
          (run) => end?.kind === 'finished' && run.execution === end.execution,
        );
        isOnce = isOnce && ended.length === 1 && ended[0]?.ended === 'end';
      } else if (ofItself.test(fate.words)) isOnce = isOnce && end?.kind === 'quarantined';
    }
    if (!isOnce) notOnce.push({ fate, runs: ofJob, ends });
  }
  return { onlyNode, notOnce };
};

/** What a death leaves until the next cleaning: the entry of the worker that died. */
export const isLeftover = ({ code, seen }: Finding, dead: ReadonlySet<string>): boolean =>
  code === 'A15' && [...dead].some((name) => seen.includes(`rq:worker:${name},`));
