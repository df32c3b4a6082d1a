import { deferred } from '../actors/executor/deferred.js';
import { ActorSystem } from '../actors/kernel/actor-system.js';
import { scheduler } from '../actors/scheduler.js';
import { schedulerHands, schedulerTimes } from '../actors/scheduler-hands.js';
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
import { checkQueueName } from '../redis/names.js';
import { planWire, type WireSettings } from '../redis/transitions/queue-keys.js';
import { stopOnSignals } from './stop-on-signals.js';

export interface SchedulerOptions {
  /** Queues to look after. Default: `default`. */
  queues?: readonly string[];
  /** Where Redis is. Default: `REDIS_URL`, else `redis://localhost:6379`. */
  url?: RedisAddress;
  wire?: Partial<WireSettings>;
  /** Whether SIGTERM and SIGINT stop it. Default true. */
  handleSignals?: boolean;
  on?: {
    /** Something that an operator may have to see to; it goes on. */
    onTrouble?(error: unknown): void;
  };
}

/** A scheduler that is up. */
export interface RunningScheduler {
  readonly queues: readonly string[];
  /** Resolves once it has stopped, whoever asked for it. */
  readonly done: Promise<void>;
  /** Gives its locks back. Resolves when it is down; never rejects. */
  stop(): Promise<void>;
}

const known = new Set(['queues', 'url', 'wire', 'handleSignals', 'on']);

/**
 * Moves scheduled jobs to their queues when they are due, as the scheduler in every worker does: for queues that no
 * worker of ours or RQ's looks after. Of any number of schedulers one works. Resolves once it has looked.
 *
 * @throws InvalidOptionError, InvalidNameError, RedisUnavailableError, WrongKeyTypeError
 */
export const bootScheduler = async (options: SchedulerOptions = {}): Promise<RunningScheduler> => {
  checkKnown(options, known);
  const wire = planWire(options.wire);
  const queues = [...new Set(options.queues ?? ['default'])].map(checkQueueName);
  if (queues.length === 0)
    throw new InvalidOptionError('queues', 'it must name at least one queue');
  const redis = openCommandConnection(addressOr(options.url));
  const hands = schedulerHands(redis, queues, wire);
  try {
    await hands.look(true);
  } catch (cause) {
    closeConnection(redis);
    if (failureKind(cause) !== 'transient') throw cause;
    throw whyUnavailable(redis, 'take the schedulers’ locks', 0, cause);
  }
  const onTrouble = troubleTo(options.on?.onTrouble?.bind(options.on));
  const end = deferred<void>();
  const system = new ActorSystem({ onFatal: onTrouble });
  system.spawn(
    scheduler({
      ...schedulerTimes,
      look: hands.look,
      nowMs: () => performance.now(),
      onTrouble,
    }),
  );
  let stopping: Promise<void> | null = null;
  const leave = async (): Promise<void> => {
    // A look after the release would take the locks again.
    await system.stop({ deadlineMs: 2_000 });
    await hands.release().catch((error) => {
      // They run out by themselves.
      if (failureKind(error) !== 'transient') onTrouble(error);
    });
    closeConnection(redis);
    end.resolve();
  };
  const stop = (): Promise<void> => {
    stopping ??= leave();
    return stopping;
  };
  if (options.handleSignals !== false) stopOnSignals(stop, end.promise);
  return { queues, done: end.promise, stop };
};
