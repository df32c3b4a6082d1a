import { isUtf8 } from 'node:buffer';
import { bytes } from './chunks.js';

/** What an audit looks for. The codes are stable: scripts and alarms may name them. */
export const auditCodes = {
  A1: 'lost: it waits, and no list has its id',
  A2: 'stuck: it is started, and nobody holds it',
  A3: 'dead lease: its owner is gone, and nobody has recovered it',
  A4: 'double place: its id is where its status says that it is not',
  A5: 'overlap: two living executions hold it',
  A6: 'ghost: an id without a job',
  A7: 'zombie: a hash that no worker will ever use or remove',
  A8: 'expiring: its hash expires before it can have ended',
  A9: 'unreadable: a key of a wrong type, or a field that RQ cannot read',
  A10: 'parked: it is in flight, and nobody claims it',
  A11: 'registry: the registry and the hash say different things',
  A12: 'overdue: its time has come, and no scheduler has moved it',
  A13: 'dependencies: what it waits for has ended, or cannot come',
  A14: 'execution: keys of an execution that holds nothing',
  A15: 'worker: a record that never expires, or an entry without one',
  A16: 'queue name: a list with jobs that `rq:queues` does not know, or the FailedQueue in it',
  A17: 'counts: a worker counted otherwise than the log',
  A18: 'events: a story that no job can have',
  A19: 'unbounded: a helper key that grows or stays for ever',
  A20: 'tokens: hash, lease and log name different executions',
  A21: 'rate limit: a slot that no job holds, or a job that nobody lets through',
  A22: 'group: its jobs and the list of groups do not agree',
  A23: 'marks: a mark or a count of ours that nothing agrees with',
} as const;

export type AuditCode = keyof typeof auditCodes;

/** One fact that should not be, seen in two looks. */
export interface Finding {
  code: AuditCode;
  /** The job, where it is about one. Bytes that are no text are shown as `\xNN`. */
  jobId: string | null;
  queue: string | null;
  /** Keys and values as they were seen, for humans. */
  seen: string;
  /** What `repair` does about it; `null` when only a human can judge. */
  remedy: string | null;
  /** Two executions may run, or did. */
  isCritical: boolean;
  /** Whether the repair changed something; `null` when none was asked for, or there is none. */
  mended: boolean | null;
}

/** The repair of a finding, as `mend.lua` knows it. */
export interface Mend {
  verb: string;
  /** Further arguments of the verb. */
  args: ReadonlyArray<string | number>;
}

/** A finding that one look made, with what a second look needs. */
export interface Suspicion {
  code: AuditCode;
  /** Bytes as latin1. */
  id: string | null;
  queue: string | null;
  /** The same in both looks if, and only if, it is the same fact. */
  fact: string;
  seen: string;
  remedy: string | null;
  mend: Mend | null;
  isCritical?: boolean;
}

/** Bytes of others (as latin1) as text: UTF-8 where they are that, with what is no character shown as `\xNN`. */
export const shown = (latin1: string): string => {
  const cut = latin1.length > 600 ? `${latin1.slice(0, 600)}...` : latin1;
  const raw = bytes(cut);
  if (isUtf8(raw)) return raw.toString('utf8').replace(/\p{Cc}/gu, hex);
  return cut.replace(/[^\x20-\x7e]/g, hex);
};

const hex = (char: string): string => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
