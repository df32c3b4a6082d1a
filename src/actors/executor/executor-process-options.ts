import type { SpawnOptions } from './child-process.js';
import type { Warden } from './warden.js';

export interface ExecutorProcessOptions extends SpawnOptions {
  /** Handler modules, as file URLs. */
  readonly modules: readonly string[];
  /** URL of a module that exports `createExecutorRuntime`; it gets `modules` and `config`. */
  readonly bootModule?: string | null;
  /** For the boot module; any JSON. */
  readonly config?: unknown;
  /** From the spawn to `ready`. Default 30 s. */
  readonly readyWithinMs?: number;
  /** From the handing over to the begin, while no other job runs before it. Default 30 s. */
  readonly beginWithinMs?: number;
  /** Between abort and SIGTERM, and between SIGTERM and SIGKILL. Default 5 s. */
  readonly graceMs?: number;
  /** The child ends itself after so long without a sign of us. Default 30 s, as a job's lease. */
  readonly leaseMs?: number;
  /** Ends the child in place of a watchdog of its own. Jobs that were handed to such a child are not taken back from it. */
  readonly warden?: Warden | null;
  /** Default 1 MiB. */
  readonly maxResultBytes?: number;
  /** Default 64 KiB. */
  readonly maxMetaBytes?: number;
  /** Printed text of one job that is passed on, in characters. Default 64 Ki. */
  readonly maxOutputPerJob?: number;
  /** Above it the child is killed while it has jobs, whatever it does. Default: no limit. */
  readonly maxRssBytes?: number;
}

export const executorProcessDefaults = {
  bootModule: null as string | null,
  config: null as unknown,
  readyWithinMs: 30_000,
  beginWithinMs: 30_000,
  graceMs: 5_000,
  leaseMs: 30_000,
  warden: null as Warden | null,
  maxResultBytes: 1024 * 1024,
  maxMetaBytes: 64 * 1024,
  maxOutputPerJob: 64 * 1024,
  maxRssBytes: Number.POSITIVE_INFINITY,
};
