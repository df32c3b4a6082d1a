import { readdirSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { loadScript } from '../scripts.js';
import { type Diagnosis, fine } from './finding.js';

export interface SlowRun {
  script: string;
  tookMs: number;
}

/** Redis answers nobody while a script runs: above this one is worth a word. */
const slowMs = 50;
const badMs = 500;

/** Runs of our transitions that stand in Redis' slow log; `null` when it may not be read. */
export const slowRuns = async (redis: Redis): Promise<SlowRun[] | null> => {
  const entries = (await redis.call('SLOWLOG', 'GET', '128').catch(() => null)) as Array<
    [id: number, at: number, micros: number, args: string[]]
  > | null;
  if (entries === null) return null;
  const names = new Map(
    transitions().flatMap(({ sha, inSpace, name }) => [
      [sha, name],
      [inSpace.sha, name],
    ]),
  );
  return entries.flatMap(([, , micros, [command = '', sha = '']]) => {
    const script = /^evalsha$/i.test(command) ? names.get(sha) : undefined;
    return script === undefined ? [] : [{ script, tookMs: micros / 1_000 }];
  });
};

const transitions = () =>
  readdirSync(new URL('../transitions', import.meta.url))
    .filter((file) => file.endsWith('.lua'))
    .map((file) => loadScript(file.slice(0, -'.lua'.length)));

export const judgeSlowRuns = (runs: readonly SlowRun[] | null): Diagnosis => {
  const check = 'slow-scripts';
  if (runs === null) return fine(check, 'SLOWLOG may not be read');
  const slow = runs.filter(({ tookMs }) => tookMs >= slowMs);
  const [worst] = [...slow].sort((a, b) => b.tookMs - a.tookMs);
  if (!worst) return fine(check, 'no script of ours took long');
  return {
    check,
    level: worst.tookMs >= badMs ? 'warning' : 'note',
    what: `${slow.length} slow runs of our scripts, ${worst.script} took ${Math.round(worst.tookMs)} ms`,
    why: 'meanwhile Redis answers nobody else',
    remedy:
      'enqueue and requeue in smaller batches; look for a machine that swaps, or a fork for a snapshot',
  };
};
