/** Somebody who takes jobs, and how many he has. */
export interface Taker {
  /** How many jobs he runs at the same time. */
  readonly concurrency: number;
  held: number;
  /** It runs one job at a time, and that one may have a callback to come: nothing must get between. */
  isClosed?: boolean;
}

// Only one that has not much left takes more: below half a window, so that he never runs dry and
// messages carry many jobs.
const isTaking = ({ concurrency, held }: Taker, window: number): boolean =>
  concurrency > 1 || held <= (window - 1) / 2;

/**
 * Deals jobs out from the front, each to the taker who has the fewest, until nobody takes more. So the first
 * jobs run first, side by side. A taker that runs one job at a time takes a window full at most; one that
 * runs many takes all. Raises `held`; what is left was dealt to nobody.
 */
export const deal = <Job, T extends Taker>(
  jobs: readonly Job[],
  takers: readonly T[],
  window: number,
  /** Whether a taker that runs one job at a time takes nothing behind this one. */
  closes: (job: Job) => boolean = () => false,
): Map<T, Job[]> => {
  const hands = new Map<T, Job[]>();
  const taking = takers.filter((taker) => !taker.isClosed && isTaking(taker, window));
  for (const job of jobs) {
    let idlest: T | undefined;
    for (const taker of taking) {
      if (taker.concurrency === 1 && (taker.held >= window || taker.isClosed)) continue;
      if (!idlest || taker.held < idlest.held) idlest = taker;
    }
    if (!idlest) break;
    idlest.held += 1;
    if (closes(job)) idlest.isClosed = idlest.concurrency === 1;
    const hand = hands.get(idlest);
    if (hand) hand.push(job);
    else hands.set(idlest, [job]);
  }
  return hands;
};
