import type { Directive } from './directive.js';

/** Why an actor is gone. */
export type StopReason =
  /** Somebody called `stop()`, its supervisor stopped, or it was started after one that was restarted. */
  | { kind: 'stopped' }
  /** It called `context.end()`. */
  | { kind: 'ended' }
  | { kind: 'crashed'; error: unknown }
  /** Its error is its supervisor's now. */
  | { kind: 'escalated'; error: unknown };

export interface DeadLetter {
  message: unknown;
  /** Path of the actor it was meant for. */
  to: string;
  reason: 'stopped' | 'mailbox full' | 'dropped as oldest' | 'late reply';
}

/** Which code of an actor was running. `child`: none, a child's error escalated. */
export type Activity = 'starting' | 'receiving' | 'stopping' | 'child';

/** Everything the kernel does, told after it is done. */
export type KernelEvent =
  | { kind: 'spawned'; path: string }
  /** `directive` is what was decided, not only asked for: a temporary actor is never restarted. */
  | { kind: 'crashed'; path: string; error: unknown; during: Activity; directive: Directive }
  /** Up again with fresh state. */
  | { kind: 'restarted'; path: string }
  /** The error left the child at `path` and is now its supervisor's. */
  | { kind: 'escalated'; path: string; error: unknown }
  /** Its code did not come to an end in time; it may still be running, nobody waits for it. */
  | { kind: 'abandoned'; path: string; during: Activity; afterMs: number }
  | { kind: 'stopped'; path: string; reason: StopReason }
  /** A step of the system's stop is over, or the system no longer waits for it. */
  | { kind: 'phaseEnded'; phase: string; outcome: 'done' | 'late' }
  /** May follow a late end. */
  | { kind: 'phaseFailed'; phase: string; error: unknown }
  | { kind: 'deadLetter'; letter: DeadLetter };
