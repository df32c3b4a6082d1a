import type { ExchangeReply } from '../../src/redis/transitions/settle-and-claim.js';
import type { Hand } from './hand.js';
import type { Budget } from './scope.js';
import type { World } from './world.js';

/** What a worker hears: of which execution it had sent the outcome, and the reply. */
export interface Heard {
  readonly execution: string | null;
  readonly reply: ExchangeReply;
}

export interface Effect {
  readonly change: Partial<World>;
  readonly heard?: Heard;
  /** What the step brought, for whoever reads a trace. */
  readonly note?: string;
}

/** One thing that may happen next. */
export interface Action {
  readonly label: string;
  /** What it takes of the budget; `null` for what happens on a good day. */
  readonly spends: keyof Budget | null;
  apply(hand: Hand): Promise<Effect>;
}

/** The budget after a step; `null` when there is nothing left for it. */
export const spent = (left: Budget, spends: keyof Budget | null): Budget | null => {
  if (spends === null) return left;
  return left[spends] > 0 ? { ...left, [spends]: left[spends] - 1 } : null;
};
