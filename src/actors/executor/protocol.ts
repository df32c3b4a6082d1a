import type { JobToRun } from '../job-to-run.js';
import type { Outcome } from '../outcome.js';
import type { Note, StopReason } from './executor.js';

// The language between an executor's two halves. Every job that is handed over gets a number,
// counted from 1; the child speaks of numbers only, so it cannot name a job that it was not given.
// Clocks: each side uses its own `performance.now()`; the parent knows how they differ.

/** The descriptors of the child beyond stdin, stdout and stderr. */
export const descriptors = { control: 3, watchdog: 4, journal: 5 } as const;

/** The child's exit code when it can no longer reach its parent. */
export const channelGone = 71;

/** The first message to a child, read before any code of the user's is loaded. */
export interface Hello {
  readonly kind: 'hello';
  /** 32 hex digits that stand in each frame to the parent: what does not carry it is not of ours. */
  readonly token: string;
  /** Handler modules, as file URLs. */
  readonly modules: readonly string[];
  /** A module that exports `createExecutorRuntime`; `null` loads the handlers and nothing else. */
  readonly bootModule: string | null;
  /** For the boot module; any JSON. */
  readonly config: unknown;
  readonly hasJournal: boolean;
  /** Whether it starts a watchdog thread. Else a warden ends it, and nothing answers for its gate. */
  readonly hasWatchdog: boolean;
  /** The child kills its process group after so long without a sign of its parent. */
  readonly leaseMs: number;
  readonly maxResultBytes: number;
  readonly maxMetaBytes: number;
}

export type ParentMessage =
  | Hello
  | { readonly kind: 'run'; readonly jobs: readonly NumberedJob[] }
  /** Abort the job's signal if it has begun, else drop it and answer `stopped`. */
  | { readonly kind: 'cancel'; readonly job: number; readonly reason: StopReason | 'timedOut' }
  /** Forget the jobs above this number; they have been answered for. Begin new ones again. */
  | { readonly kind: 'takeBack'; readonly above: number }
  /** Finish what has begun, give the rest back, then exit. */
  | { readonly kind: 'drain' };

export interface NumberedJob {
  readonly number: number;
  readonly job: JobToRun;
}

/** Outcomes a child can have itself. The others are the parent's words about a child. */
export type ChildOutcome = Extract<
  Outcome,
  { kind: 'returned' | 'threw' | 'undecodable' | 'unknownHandler' | 'stopped' | 'notBegun' }
>;

export interface EndedReport {
  readonly job: number;
  readonly outcome: ChildOutcome;
  /** How long the handler ran. */
  readonly tookMs: number;
}

export interface BegunReport {
  readonly job: number;
  /** On the child's clock. */
  readonly atMs: number;
}

/** `clockMs` in each message is the child's clock when it was made. */
export type ChildMessage =
  | { readonly kind: 'ready'; readonly clockMs: number; readonly handlers: readonly string[] }
  | { readonly kind: 'failedToLoad'; readonly message: string; readonly detail: string }
  /** Step by step: `seq` counts them from 1, without a gap. First `ended`, then `begun`. */
  | {
      readonly kind: 'report';
      readonly seq: number;
      readonly clockMs: number;
      readonly ended?: EndedReport | undefined;
      readonly begun?: BegunReport | undefined;
      readonly note?: { readonly job: number; readonly note: Note } | undefined;
      /** The child wants to be replaced. */
      readonly leaving?: string | undefined;
    };
export type Report = Extract<ChildMessage, { kind: 'report' }>;
