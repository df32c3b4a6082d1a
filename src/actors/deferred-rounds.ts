/** What the rounds need of Redis. */
export interface DeferredHands {
  /** Frees on where the script of a parent had to stop; of all queues. */
  freeMore(): Promise<unknown>;
  /** Queues what workers of RQ 3 released and left. */
  drainReady(queue: string): Promise<unknown>;
  /** Some entries of the deferred registry, and those of them that nobody will free. */
  findStuck(queue: string, cursor: string): Promise<{ cursor: string; ids: Buffer[] }>;
  freeStuck(queue: string, ids: readonly Buffer[]): Promise<unknown>;
}

export interface DeferredTimes {
  /** A job counts as forgotten when it was seen so for this long: Python needs several steps for a release. */
  forgottenForMs: number;
  nowMs(): number;
}

/** More are not remembered at a time; the others are found again on the next way round. */
const mostRemembered = 1_000;

/**
 * The janitor's rounds of jobs that wait for others: each call looks at one part of a queue's registry, the next
 * call at the next. Most jobs there rightly wait. Those that wait for nothing any more, because who ended
 * their parents was killed before it could free them, are freed after a while, by a script that looks again.
 */
export const deferredRounds = (hands: DeferredHands, { forgottenForMs, nowMs }: DeferredTimes) => {
  const cursors = new Map<string, string>();
  const seenSince = new Map<string, Map<string, number>>();

  return async (queue: string): Promise<void> => {
    await hands.freeMore();
    await hands.drainReady(queue);
    const seen = seenSince.get(queue) ?? new Map<string, number>();
    seenSince.set(queue, seen);
    const over = [...seen].filter(([, sinceMs]) => nowMs() - sinceMs >= forgottenForMs);
    // Freed or not: whoever is still forgotten is found again.
    for (const [id] of over) seen.delete(id);
    if (over.length > 0) {
      const ids = over.map(([id]) => Buffer.from(id, 'latin1'));
      await hands.freeStuck(queue, ids);
    }
    const { cursor, ids } = await hands.findStuck(queue, cursors.get(queue) ?? '0');
    cursors.set(queue, cursor);
    for (const id of ids) {
      const name = id.toString('latin1');
      if (!seen.has(name) && seen.size < mostRemembered) seen.set(name, nowMs());
    }
  };
};
