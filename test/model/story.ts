import { type LifecycleEvent, unfoldEntry } from '../../src/redis/lifecycle-event.js';
import type { ExchangeReply } from '../../src/redis/transitions/settle-and-claim.js';
import type { ClaimedJob, Verdict } from '../../src/redis/transitions/settlement.js';
import { EventPath } from '../redis/support/event-path.js';

/** How an execution came to its end: by its worker's word, or by somebody who took its job away. */
export type Ending = 'finished' | 'failed' | 'handedBack' | 'takenAway';

const endingOf: Partial<Record<Verdict, Ending>> = {
  finished: 'finished',
  retried: 'failed',
  quarantined: 'failed',
  handedBack: 'handedBack',
};

interface Chapters {
  readonly path: EventPath;
  /** Executions that were told to have started and not to have ended, and their jobs. */
  readonly open: ReadonlyMap<string, string>;
  readonly ended: ReadonlyMap<string, Ending>;
  /** The attempt of each job that was started last. */
  readonly attempts: ReadonlyMap<string, number>;
  /** `<job> <fence>` of handlers that have begun, and the execution that has it. */
  readonly fences: ReadonlyMap<string, string>;
  /** Jobs that were requeued while a canceled run of theirs may have gone on. */
  readonly requeued: ReadonlySet<string>;
  readonly lastEntry: string;
}

/**
 * What the event log has told so far, held against the promises: a job moves as it may, runs beside itself never
 * untold, with a new fence each time, and each run ends once.
 */
export class Story implements Chapters {
  static readonly begin = new Story({
    path: new EventPath(),
    open: new Map(),
    ended: new Map(),
    attempts: new Map(),
    fences: new Map(),
    requeued: new Set(),
    lastEntry: '-',
  });

  readonly path: EventPath;
  readonly open: ReadonlyMap<string, string>;
  readonly ended: ReadonlyMap<string, Ending>;
  readonly attempts: ReadonlyMap<string, number>;
  readonly fences: ReadonlyMap<string, string>;
  readonly requeued: ReadonlySet<string>;
  readonly lastEntry: string;

  private constructor(chapters: Chapters) {
    this.path = chapters.path;
    this.open = chapters.open;
    this.ended = chapters.ended;
    this.attempts = chapters.attempts;
    this.fences = chapters.fences;
    this.requeued = chapters.requeued;
    this.lastEntry = chapters.lastEntry;
  }

  /** The first entry that it has not heard, for XRANGE. */
  get next(): string {
    return this.lastEntry === '-' ? '-' : `(${this.lastEntry}`;
  }

  /** @throws when the entries tell what must not happen */
  follow(
    queue: string,
    entries: ReadonlyArray<readonly [string, string[]]>,
    mayBeTakenAway: (execution: string) => boolean,
  ): Story {
    if (entries.length === 0) return this;
    const path = new EventPath(this.path);
    const open = new Map(this.open);
    const ended = new Map(this.ended);
    const attempts = new Map(this.attempts);
    const requeued = new Set(this.requeued);
    let { lastEntry } = this;

    const end = (execution: string, ending: Ending): void => {
      const before = ended.get(execution);
      if (before) throw new Error(`${execution} ended twice: ${before}, then ${ending}`);
      if (ending === 'takenAway' && !mayBeTakenAway(execution))
        throw new Error(`${execution} was taken from a worker that had renewed its lease`);
      open.delete(execution);
      ended.set(execution, ending);
    };
    const tell = (event: LifecycleEvent): void => {
      const before = path.statusOf(event.jobId);
      path.tell(event);
      const { jobId, kind, worker } = event;
      if (kind === 'started') {
        const { execution, attempt } = event;
        const other = [...open].find(([, id]) => id === jobId);
        if (other) throw new Error(`${execution} of ${jobId} started while ${other[0]} ran`);
        if (attempt <= (attempts.get(jobId) ?? 0))
          throw new Error(`attempt ${attempt} of ${jobId} started after ${attempts.get(jobId)}`);
        open.set(execution, jobId);
        attempts.set(jobId, attempt);
      } else if (kind === 'finished' || kind === 'failed') {
        if (open.get(event.execution) !== jobId)
          throw new Error(`${event.execution} ${kind}, and it did not run`);
        end(event.execution, kind);
      } else if (kind === 'recovered' || kind === 'handedBack') {
        // What a janitor brings back from in flight had not been claimed.
        if (event.execution !== '')
          end(event.execution, worker === '' ? 'takenAway' : 'handedBack');
      } else if (kind === 'quarantined') {
        // A failed run was ended by its event before; a run that was recovered too often ends here.
        for (const [execution, id] of open) if (id === jobId) end(execution, 'takenAway');
      } else if (kind === 'requeued' && before === 'canceled') {
        requeued.add(jobId);
        for (const [execution, id] of open) {
          if (id !== jobId) continue;
          open.delete(execution);
          ended.set(execution, 'takenAway');
        }
      } else if (kind === 'lost' && requeued.has(jobId) && !ended.has(event.execution)) {
        // Claimed ahead, and never told to have started.
        if (open.has(event.execution)) throw new Error(`${event.execution} is lost, and runs`);
        ended.set(event.execution, 'takenAway');
      } else if (kind === 'lost' && ended.get(event.execution) !== 'takenAway') {
        throw new Error(`${event.execution} is told as lost, and nobody had taken its job away`);
      }
    };
    for (const [entryId, fields] of entries) {
      lastEntry = entryId;
      for (const event of unfoldEntry(queue, entryId, fields)) tell(event);
    }
    return new Story({ ...this, path, open, ended, attempts, requeued, lastEntry });
  }

  /** A handler begins. @throws when another run had the same fence */
  begin({ jobId, attempt, execution }: ClaimedJob): Story {
    const fence = `${jobId} ${attempt}`;
    const other = this.fences.get(fence);
    if (other && other !== execution)
      throw new Error(`${execution} began with fence ${attempt}, which ${other} had`);
    return new Story({ ...this, fences: new Map(this.fences).set(fence, execution) });
  }

  /** A worker hears what became of its outcome. @throws when the log tells otherwise */
  hear(execution: string, { verdicts: [verdict] }: ExchangeReply): void {
    const told = this.ended.get(execution);
    // Neither writes anything: not the outcome of a job that was canceled, nor that of one that was taken away.
    const isRefused =
      (verdict === 'lost' && told === 'takenAway') ||
      (verdict === 'canceled' && (told === undefined || told === 'takenAway'));
    if (!isRefused && told !== (verdict && endingOf[verdict]))
      throw new Error(`${execution} was answered ${verdict}, and the log tells ${told}`);
  }
}
