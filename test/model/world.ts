import type { OverdueLease } from '../../src/redis/transitions/recover.js';
import type { ClaimedJob } from '../../src/redis/transitions/settlement.js';
import type { Budget, Scope } from './scope.js';
import { Story } from './story.js';

export const queue = 'q';

/** A job as its worker knows it. */
export interface Held {
  readonly job: ClaimedJob;
  /** Its handler has begun. */
  readonly hasBegun: boolean;
  /** Redis was told so. */
  readonly isBeginTold: boolean;
  /** Its lease was extended. */
  readonly isBeaten: boolean;
}

export type EndKind = 'finish' | 'fail' | 'back';

/** One request of a worker, as it is sent and, under the same number, sent again. */
export interface Exchange {
  readonly worker: string;
  readonly tag: string;
  readonly requestId: string;
  readonly settles: { readonly held: Held; readonly end: EndKind } | null;
  readonly begins: Held | null;
  readonly hint: string | null;
  readonly toStart: number;
  readonly toHold: number;
}

/** What one worker knows, and the truth about its lease. A worker that died has a successor in its place. */
export interface Worker {
  readonly slot: number;
  readonly name: string;
  readonly tag: string;
  readonly calls: number;
  readonly held: readonly Held[];
  /** What its blocking pop brought. */
  readonly hint: string | null;
  /** Sent, and not answered yet: it will be sent again before anything else. */
  readonly unanswered: Exchange | null;
  /** Its lease is over, and it has not renewed it since. */
  readonly isOverdue: boolean;
}

/** What a janitor saw, and what of it it saw twice and is about to recover. */
export interface Janitor {
  readonly seen: Sighting | null;
  readonly condemned: Sighting | null;
}
export interface Sighting {
  readonly leases: readonly OverdueLease[];
  readonly inFlight: readonly string[];
}

/** Whether a producer has sent a job, and knows that it is there. */
export type Enqueueing = 'no' | 'unanswered' | 'acknowledged';

/** One state, without what is in Redis: what everybody around it knows. Never changed, only followed by others. */
export interface World {
  readonly enqueueing: Readonly<Record<string, Enqueueing>>;
  readonly workers: readonly Worker[];
  /** Tags of workers that died. */
  readonly dead: readonly string[];
  /** Calls that the network holds up; their callers have long asked again. */
  readonly network: readonly Exchange[];
  readonly janitor: Janitor;
  readonly left: Budget;
  readonly story: Story;
}

/** A worker that has just come up. Tags and request ids are as the intake makes them: they sort by age. */
export const newWorker = (slot: number, life: number): Worker => ({
  slot,
  name: life === 0 ? `w${slot + 1}` : `w${slot + 1}-${life + 1}`,
  tag: `${'a'.repeat(8)}${slot}${life.toString(16).padStart(3, '0')}`,
  calls: 0,
  held: [],
  hint: null,
  unanswered: null,
  isOverdue: false,
});

/** Nothing has been sent yet. */
export const beginOf = (scope: Scope): World => ({
  enqueueing: Object.fromEntries(scope.jobs.map(({ id }) => [id, 'no' as const])),
  workers: Array.from({ length: scope.workers }, (_, slot) => newWorker(slot, 0)),
  dead: [],
  network: [],
  janitor: { seen: null, condemned: null },
  left: scope.budget,
  story: Story.begin,
});
