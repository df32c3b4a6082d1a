import { firstValueFrom } from 'rxjs';
import { noLimitMs } from './executor-keeper.js';
import { Grace } from './grace.js';
import type { StopPhase } from './kernel/actor-system.js';
import type { ActorRef } from './kernel/behavior.js';
import type { SupervisorMessage } from './supervisor.js';

/** What a worker can do to leave. */
export interface Leaver {
  /** `null` when it never came so far. */
  readonly supervisor: ActorRef<SupervisorMessage> | null;
  /** Resolves once nothing can be claimed any more and Redis has confirmed every outcome. */
  confirm(): Promise<void>;
  deregister(): Promise<void>;
  /** Closes every connection, whatever still waits for an answer. */
  hangUp(): void;
}

// With what a killed child needs to be gone, these stay below the 5 s that a worker without Redis may take
// beyond its grace.
/** Between the abort of a job's signal and SIGKILL. */
const lastChanceMs = 1_000;
const confirmMs = 2_000;
const deregisterMs = 500;

/** The way out, step by step. Each must come to an end, whatever Redis and the handlers do. */
export const farewell = (leaver: Leaver, grace: Grace): StopPhase[] => [
  { name: 'drain', run: () => drain(leaver.supervisor, grace), deadlineMs: noLimitMs },
  { name: 'confirm', run: () => leaver.confirm(), deadlineMs: confirmMs },
  { name: 'deregister', run: () => leaver.deregister(), deadlineMs: deregisterMs },
  // Before the actors are stopped: one that waits for Redis would not end before its own limit.
  { name: 'hang up', run: () => leaver.hangUp(), deadlineMs: noLimitMs },
];

const drain = async (
  supervisor: ActorRef<SupervisorMessage> | null,
  grace: Grace,
): Promise<void> => {
  if (!supervisor) return;
  const gone = firstValueFrom(supervisor.terminated$);
  supervisor.tell({ kind: 'leave', graceMs: noLimitMs });
  await Promise.race([gone, grace.over]);
  grace.cancel();
  if (supervisor.state === 'stopped') return;
  supervisor.tell({ kind: 'leave', graceMs: 0 });
  const lastChance = new Grace();
  lastChance.shorten(lastChanceMs);
  await Promise.race([gone, lastChance.over]);
  lastChance.cancel();
  await supervisor.stop();
};
