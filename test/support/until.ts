import { setTimeout as delay } from 'node:timers/promises';

export class NeverCameError extends Error {
  override readonly name = 'NeverCameError';

  constructor(
    readonly fact: string,
    readonly deadlineMs: number,
    readonly lastSeen: unknown,
  ) {
    super(`not within ${deadlineMs} ms: ${fact}; last seen ${describe(lastSeen)}`);
  }
}

/**
 * Waits for a fact that sends no event, by reading it again and again, ever slower, up to every 100 ms.
 *
 * @param fact what is waited for, for the error
 * @param read anything but undefined, null and false is the fact
 * @throws NeverCameError when it did not come within `deadlineMs`
 */
export async function until<T>(
  fact: string,
  read: () => T | Promise<T>,
  { deadlineMs = 30_000 }: { deadlineMs?: number } = {},
): Promise<Exclude<T, undefined | null | false>> {
  const deadline = performance.now() + deadlineMs;
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, 100)) {
    const seen = await read();
    if (isFact(seen)) return seen;
    if (performance.now() >= deadline) throw new NeverCameError(fact, deadlineMs, seen);
    await delay(pauseMs);
  }
}

function isFact<T>(seen: T): seen is Exclude<T, undefined | null | false> {
  return seen !== undefined && seen !== null && seen !== false;
}

function describe(seen: unknown): string {
  return typeof seen === 'string' ? `'${seen}'` : (JSON.stringify(seen) ?? String(seen));
}
