import { it } from '@jest/globals';

/** `npm run faults` runs the whole matrix; `npm test` its fast part, and says which rows it left out. */
export const isWhole = process.env.RXRQ_FAULTS === 'all';

/** A test of the long form. */
export const slow = (name: string, run: () => Promise<void>, timeoutMs?: number): void =>
  (isWhole ? it : it.skip)(name, run, timeoutMs);
