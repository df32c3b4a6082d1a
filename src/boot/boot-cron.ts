import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { CronEntries, CronEntry } from '../actors/cron/cron-entry.js';
import { planCron } from '../actors/cron/cron-plan.js';
import { type CronEnqueued, cronScheduler } from '../actors/cron/cron-scheduler.js';
import { deferred } from '../actors/executor/deferred.js';
import { ActorSystem } from '../actors/kernel/actor-system.js';
import { troubleTo } from '../actors/trouble.js';
import {
  addressOr,
  closeConnection,
  openCommandConnection,
  type RedisAddress,
  whyUnavailable,
} from '../redis/connection.js';
import { InvalidOptionError } from '../redis/errors.js';
import { failureKind } from '../redis/failure.js';
import { checkKnown } from '../redis/known-options.js';
import {
  beatCron,
  buryCron,
  type CronSchedulerRecord,
  openCron,
} from '../redis/transitions/cron-life.js';
import { cronTick } from '../redis/transitions/cron-tick.js';
import { planWire, type WireSettings } from '../redis/transitions/queue-keys.js';
import { loadCronModule } from './load-cron.js';
import { stopOnSignals } from './stop-on-signals.js';

/** What a cron process tells whoever runs it. */
export interface CronEvents {
  onEnqueued?(enqueued: CronEnqueued): void;
  /** Something that an operator may have to see to; the process goes on. */
  onTrouble?(error: unknown): void;
}

export interface CronOptions {
  /** What `defineCron` returned, or a module that exports it: file URL or path from the working directory. */
  entries: CronEntries | string | URL;
  /** Where Redis is. Default: `REDIS_URL`, else `redis://localhost:6379`. */
  url?: RedisAddress;
  /** As RQ's tools list it. Default: host, pid and a random part. */
  name?: string;
  wire?: Partial<WireSettings>;
  /** Whether SIGTERM and SIGINT stop it. Default true. */
  handleSignals?: boolean;
  on?: CronEvents;
}

/** A cron process that is up. */
export interface RunningCron {
  readonly name: string;
  /** Names of its entries. */
  readonly entries: readonly string[];
  /** Resolves once it has stopped, whoever asked for it; rejects when it had to give up. */
  readonly done: Promise<void>;
  /** Resolves when it is down; a tick under way is finished first. Never rejects. */
  stop(): Promise<void>;
}

const known = new Set(['entries', 'url', 'name', 'wire', 'handleSignals', 'on']);

/**
 * Enqueues cron entries when they are due, until it is stopped. Any number of processes may do so with the same
 * entries: each tick is enqueued once. Resolves once it is registered. RQ: `rq cron`.
 *
 * @throws InvalidOptionError, CronModuleError, CronEntryError, RedisUnavailableError
 */
export const bootCron = async (options: CronOptions): Promise<RunningCron> => {
  checkKnown(options, known);
  const { on = {} } = options;
  const wire = planWire(options.wire);
  const name = options.name ?? `${hostname()}:${process.pid}:${randomBytes(3).toString('hex')}`;
  if (!/^[^\s,]{1,200}$/.test(name))
    throw new InvalidOptionError('name', 'it must be 1 to 200 characters without comma or space');
  const plans = planCron(await entriesOf(options.entries));
  const record: CronSchedulerRecord = {
    name,
    hostname: hostname(),
    pid: process.pid,
    config_file: isModule(options.entries) ? String(options.entries) : '',
    cron_jobs: '[]',
  };

  const redis = openCommandConnection(addressOr(options.url));
  const end = deferred<void>();
  // Whoever never looks at `done` hears of it through `onTrouble`.
  end.promise.catch(() => undefined);
  const { onEnqueued, onTrouble } = guarded(on);
  const system = new ActorSystem({
    onFatal: (error) => {
      onTrouble(error);
      end.reject(error as Error);
      void stop();
    },
  });
  let stopping: Promise<void> | null = null;
  const stop = (): Promise<void> => {
    stopping ??= leave();
    return stopping;
  };
  const leave = async (): Promise<void> => {
    await system.stop({ deadlineMs: 7_000 });
    await buryCron(redis, name).catch((error) => {
      // It expires by itself.
      if (failureKind(error) !== 'transient') onTrouble(error);
    });
    closeConnection(redis);
    end.resolve();
  };
  try {
    await beatCron(redis, record, true);
  } catch (cause) {
    closeConnection(redis);
    if (failureKind(cause) !== 'transient') throw cause;
    throw whyUnavailable(redis, 'register the cron process', 0, cause);
  }
  if (options.handleSignals !== false) stopOnSignals(stop, end.promise);
  const identities = plans.map(({ queue, name, when }) => ({
    queue,
    name,
    isFixed: 'schedule' in when,
  }));
  system.spawn(
    cronScheduler(
      {
        open: () => openCron(redis, identities),
        tick: (tick) => cronTick(redis, tick, wire),
        beat: (entries) =>
          beatCron(redis, { ...record, cron_jobs: JSON.stringify(entries) }, false),
      },
      { plans, nowMs: () => performance.now(), onEnqueued, onTrouble },
    ),
  );
  return { name, entries: plans.map((plan) => plan.name), done: end.promise, stop };
};

const isModule = (entries: CronOptions['entries']): entries is string | URL =>
  typeof entries === 'string' || entries instanceof URL;

const entriesOf = async (entries: CronOptions['entries']): Promise<readonly CronEntry[]> => {
  if (isModule(entries)) return loadCronModule(entries);
  if (!Array.isArray(entries?.entries))
    throw new InvalidOptionError('entries', 'it must be what defineCron returns, or a module');
  return entries.entries;
};

// A listener's mistake must not cost a tick.
const guarded = (on: CronEvents): Required<CronEvents> => {
  const onTrouble = troubleTo(on.onTrouble?.bind(on));
  return {
    onTrouble,
    onEnqueued: (enqueued) => {
      try {
        on.onEnqueued?.(enqueued);
      } catch (error) {
        onTrouble(error);
      }
    },
  };
};
