import { InvalidOptionError } from '../errors.js';
import { keys } from '../keys.js';
import { checkKnown } from '../known-options.js';

/** The keys of one queue without which nothing is claimed from it, in the order in which the exchange takes them. */
export const claimKeys = (queue: string): string[] => [
  keys.queue(queue),
  keys.wip(queue),
  keys.finished(queue),
  keys.events(queue),
];

/** Numbers that the transitions write by; the same for every worker and producer of one `Rq`. */
export interface WireSettings {
  /** Score of `rq:wip` ahead of now, in seconds: how far a Python cleaner's clock may be off. RQ: job TTL of 90 s. */
  wideLeaseSeconds: number;
  /** A worker's promise, in milliseconds: if it does not renew it, its jobs are recovered. */
  narrowLeaseMs: number;
  /** Approximate length at which a queue's event log is trimmed, in entries (one a call, not one an event). */
  eventLogLength: number;
  /** How long a finished job is kept, in seconds; -1 for ever, 0 not at all. RQ: `DEFAULT_RESULT_TTL`. */
  resultTtlSeconds: number;
  /** How long a failed job is kept, in seconds; -1 for ever, 0 not at all. RQ: `DEFAULT_FAILURE_TTL`. */
  failureTtlSeconds: number;
  /** A job whose `data` is longer is quarantined unread, in bytes. */
  payloadLimitBytes: number;
  /** How often a job is brought back after its worker died, when RQ's retries do not say so. */
  maxRecoveries: number;
}

export const defaultWireSettings: WireSettings = {
  wideLeaseSeconds: 90,
  narrowLeaseMs: 30_000,
  eventLogLength: 10_000,
  resultTtlSeconds: 500,
  failureTtlSeconds: 31_536_000,
  payloadLimitBytes: 1_048_576,
  maxRecoveries: 1,
};

const least: Record<keyof WireSettings, number> = {
  wideLeaseSeconds: 1,
  narrowLeaseMs: 100,
  eventLogLength: 1,
  resultTtlSeconds: -1,
  failureTtlSeconds: -1,
  payloadLimitBytes: 1,
  maxRecoveries: 0,
};

const known = new Set(Object.keys(least));

/**
 * The settings with every default in place. Checked here, because a fraction or NaN would stop a script
 * between two of its writes.
 *
 * @throws InvalidOptionError
 */
export const planWire = (given: Partial<WireSettings> = {}): WireSettings => {
  checkKnown(given, known, 'wire.');
  const wire = { ...defaultWireSettings };
  for (const [option, value] of Object.entries(given)) {
    if (value === undefined) continue;
    const from = least[option as keyof WireSettings];
    if (!Number.isInteger(value) || value < from || value > 1e12) {
      throw new InvalidOptionError(`wire.${option}`, `it must be a whole number, ${from} or more`);
    }
    wire[option as keyof WireSettings] = value;
  }
  if (wire.wideLeaseSeconds * 1000 < wire.narrowLeaseMs / 2) {
    throw new InvalidOptionError(
      'wire.wideLeaseSeconds',
      'it must last for two heartbeats: half of narrowLeaseMs at least',
    );
  }
  return wire;
};
