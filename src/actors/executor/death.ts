import type { Outcome } from '../outcome.js';
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

/** A dead child's running job, as the same kind of fact that a living one would have sent. */
export const diedOutcome = (death: Death): Outcome => ({
  kind: 'died',
  exitCode: death.exitCode,
  signal: death.signal,
  detail: describeDeath(death),
});
