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
  /** What it takes of the budget; nothing for what happens on a good day. */
  readonly spends: ReadonlyArray<keyof Budget>;
  apply(hand: Hand): Promise<Effect>;
}

/** The budget after a step; `null` when there is not enough left for it. */
export const spent = (left: Budget, spends: ReadonlyArray<keyof Budget>): Budget | null => {
  const after: Record<keyof Budget, number> = { ...left };
  for (const one of spends) after[one] -= 1;
  return spends.every((one) => after[one] >= 0) ? after : null;
};
