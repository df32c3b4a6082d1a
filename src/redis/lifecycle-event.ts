/** Where an event stands in its queue's log: `<stream id>.<place within the entry>`. Resume after it. */
export type Cursor = string;

interface Common {
  queue: string;
  jobId: string;
  /** Milliseconds since the epoch, by the clock of Redis. */
  at: number;
  cursor: Cursor;
  /** The worker that caused it; empty when a producer or an operator did. */
  worker: string;
}

/** What happened to a job. Each was appended in the same atomic step as the change it tells of. */
export type LifecycleEvent = Common &
  (
    | { kind: 'enqueued' }
    /** It waits for its time, `dueAt`, in milliseconds since the epoch; then `enqueued` follows. */
    | { kind: 'scheduled'; dueAt: number }
    /** Written, and waiting for other jobs. `released` follows. */
    | { kind: 'deferred' }
    /** Written, or met by a worker, and waiting for a slot of its rate limit. `released` follows. */
    | { kind: 'rateLimited' }
    /** On its queue, since what it waited for has ended: other jobs, or one that held a slot. `by` is the job that ended last; empty when a
     * janitor found out. */
    | { kind: 'released'; by: string }
    | { kind: 'started'; execution: string; attempt: number }
    | { kind: 'finished'; execution: string; tookMs: number }
    /** One attempt failed. `retried` or `quarantined` follows in the same entry. */
    | { kind: 'failed'; execution: string; reason: string }
    /** Back on its queue, or scheduled when `delaySeconds` > 0, because RQ's retries allow it. */
    | { kind: 'retried'; retriesLeft: number; delaySeconds: number }
    /** Somebody stopped it while it ran; `quarantined` follows. The status on the wire is `stopped`. */
    | { kind: 'stopped'; execution: string }
    /** It finished and is to run again: back on its queue, or scheduled when `delaySeconds` > 0. */
    | { kind: 'repeated'; repeatsLeft: number; delaySeconds: number }
    /** In the FailedQueue. The status on the wire is `failed`; `stopped` after an event of that name. */
    | { kind: 'quarantined'; reason: string }
    | { kind: 'requeued' }
    /** Its lease ran out; it went back to the head of its queue. Detects a worker's death. */
    | { kind: 'recovered'; execution: string; recoveries: number }
    /** Given back uncharged: the worker is leaving, or the handler never began. `execution` is empty when there was none: somebody popped it. */
    | { kind: 'handedBack'; execution: string; reason: string }
    /** An outcome came too late: the execution no longer held the job. Nothing was changed by it. */
    | { kind: 'lost'; execution: string; outcome: string }
    /** What the handler said with `job.progress`. */
    | { kind: 'progressed'; execution: string; progress: unknown }
    /** What the handler said with `job.log`. */
    | { kind: 'logged'; execution: string; lines: ReadonlyArray<{ level: string; line: string }> }
    /** `execution` had claimed it ahead; its handler may have begun before its worker heard of this. */
    | { kind: 'canceled'; execution?: string }
    /** `execution` as with `canceled`. */
    | { kind: 'deleted'; execution?: string }
    /** An id in the queue, or left in flight, that must not run: no hash, or already elsewhere. */
    | { kind: 'dropped'; reason: string }
  );

export type LifecycleKind = LifecycleEvent['kind'];
export type EventOf<K extends LifecycleKind> = Extract<LifecycleEvent, { kind: K }>;

/** Kinds after which the job's story is over, unless somebody requeues it. */
export const terminalKinds = ['finished', 'quarantined', 'canceled', 'deleted'] as const;

const listed = new Set<string>([
  'scheduled',
  'failed',
  'retried',
  'repeated',
  'stopped',
  'quarantined',
  'requeued',
  'released',
  'recovered',
  'handedBack',
  'lost',
  'progressed',
  'logged',
  'canceled',
  'deleted',
  'dropped',
]);

/**
 * Unfolds one entry of a queue's log. One entry carries all transitions of one script call, in order
 * (`parts/events.lua` writes it): `worker`, then for each kind a list. Frequent kinds are packed as
 * words; rare ones are JSON arrays. A field of a newer version is passed over; broken content yields
 * no event and never an error, because a log must outlive its writers.
 */
export const unfoldEntry = (
  queue: string,
  entryId: string,
  fields: readonly string[],
): LifecycleEvent[] => {
  const events: LifecycleEvent[] = [];
  const at = Number(entryId.slice(0, entryId.indexOf('-')));
  let worker = '';
  const cursor = (): Cursor => `${entryId}.${events.length}`;
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const kind = fields[i] as string;
    const value = fields[i + 1] as string;
    if (kind === 'worker') {
      worker = value;
    } else if (kind === 'started' || kind === 'finished') {
      // Two of these for each job: written out, because to spread what all events have takes twenty times as long.
      const words = value.split(' ');
      for (let w = 0; w + 2 < words.length; w += 3) {
        const jobId = words[w] as string;
        const execution = words[w + 1] as string;
        const number = Number(words[w + 2]);
        events.push(
          kind === 'started'
            ? { queue, jobId, at, cursor: cursor(), worker, kind, execution, attempt: number }
            : { queue, jobId, at, cursor: cursor(), worker, kind, execution, tookMs: number },
        );
      }
    } else if (kind === 'enqueued' || kind === 'deferred' || kind === 'rateLimited') {
      for (const jobId of value.split(' '))
        events.push({ queue, jobId, at, cursor: cursor(), worker, kind });
    } else if (listed.has(kind)) {
      for (const record of parseList(value)) {
        const { jobId } = record;
        if (typeof jobId !== 'string') continue;
        const common = { queue, jobId, at, cursor: cursor(), worker };
        events.push({ ...record, ...common, kind } as LifecycleEvent);
      }
    }
  }
  return events;
};

const parseList = (text: string): Array<Record<string, unknown>> => {
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list)
      ? list.filter((item) => item !== null && typeof item === 'object')
      : [];
  } catch {
    return []; // Written by something that is not us: no event can be told from it.
  }
};

/** Splits a cursor into the entry to read after and how many of its events were seen. */
export const parseCursor = (cursor: Cursor): { entryId: string; seen: number } | null => {
  const match = /^(\d{1,20}-\d{1,20})(?:\.(\d{1,9}))?$/.exec(cursor);
  if (!match) return null;
  return {
    entryId: match[1] as string,
    seen: match[2] === undefined ? Number.MAX_SAFE_INTEGER : Number(match[2]) + 1,
  };
};
