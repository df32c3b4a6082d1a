import type { Outcome } from '../outcome.js';
import type { Ended } from './executor.js';
import type { HeldJob } from './held-jobs.js';
import { channelGone } from './protocol.js';

export interface Death {
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** Why we killed it, when we did. */
  readonly verdict: string | null;
  /** Its last lines on stderr. */
  readonly stderr: string;
}

const isOutOfMemory = ({ exitCode, signal, stderr }: Death): boolean =>
  (signal === 'SIGABRT' || exitCode === 134) && /heap limit|heap out of memory/i.test(stderr);

/** In one line, and below it the child's last words. Pure. */
export const describeDeath = (death: Death): string => {
  const { exitCode, signal, verdict, stderr } = death;
  const cause =
    verdict ??
    (isOutOfMemory(death)
      ? 'out of memory: it reached the JavaScript heap limit'
      : signal !== null
        ? `it was ended by ${signal}`
        : exitCode === channelGone
          ? 'it closed its control channel'
          : `it exited ${exitCode} before it answered`);
  return stderr === '' ? cause : `${cause}\n${stderr}`;
};

/**
 * The jobs of a dead child, as the same kind of fact that a living one would have sent: the running
 * one has what was decided for it or else died, the others have not begun. Pure but for the clock.
 */
export const endedByDeath = (
  held: readonly HeldJob[],
  running: HeldJob | null,
  death: Death,
): Ended[] => {
  const { exitCode, signal } = death;
  const died: Outcome = { kind: 'died', exitCode, signal, detail: describeDeath(death) };
  const reason = `the executor is gone: ${describeDeath({ ...death, stderr: '' })}`;
  return held.map(({ job, beganAtMs, fate }) => ({
    job,
    outcome: job === running?.job ? (fate ?? died) : { kind: 'notBegun', reason },
    beganAtMs,
    tookMs: beganAtMs === null ? 0 : performance.now() - beganAtMs,
  }));
};
