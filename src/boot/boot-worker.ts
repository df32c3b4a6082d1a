import { config as rxConfig } from 'rxjs';
import { handlerModuleUrl } from '../actors/handlers/load-handlers.js';
import { type Settled } from '../actors/recorder.js';
import { Worker, type WorkerEvents, type WorkerSummary } from '../actors/worker.js';
import { planWorker, type WorkerOptions, workerOptionNames } from '../actors/worker-options.js';
import { InvalidOptionError } from '../redis/errors.js';
import { makeExecutorOf } from './make-executor.js';

export interface BootOptions extends WorkerOptions {
  /** Module, or modules, whose exports are the handlers: file URL or path from the working directory. */
  handlers: string | URL | ReadonlyArray<string | URL>;
  /** Module that exports `configure(container)`, called in the worker and in each executor. Handler modules may export it too. */
  container?: string | URL;
  /** Whether SIGTERM and SIGINT stop the worker: the first warmly, the second at once. Default true. */
  handleSignals?: boolean;
  on?: WorkerEvents;
}

/** A worker that is up. */
export interface RunningWorker {
  readonly name: string;
  /** Names of the handlers it runs. */
  readonly handlers: readonly string[];
  /** Resolves once it has stopped, whoever asked for it; rejects when it had to give up. */
  readonly done: Promise<WorkerSummary>;
  /** No new jobs; running ones have `graceMs` (default: the worker's), then they go back uncharged. */
  stop(options?: { graceMs?: number }): Promise<WorkerSummary>;
}

const ownOptions = ['handlers', 'container', 'handleSignals', 'on'];

/**
 * Boots a worker: checks the options, loads the handlers in the executors, registers, and takes jobs until it
 * is stopped. Resolves once it is up.
 *
 * @throws InvalidOptionError, InvalidNameError, WorkerNameTakenError, WorkerStartError (a module that does not
 * load is its cause), RedisUnavailableError
 */
export const bootWorker = async (options: BootOptions): Promise<RunningWorker> => {
  for (const option of Object.keys(options)) {
    if (
      !(workerOptionNames as readonly string[]).includes(option) &&
      !ownOptions.includes(option)
    ) {
      throw new InvalidOptionError(
        option,
        `it is none of ${[...ownOptions, ...workerOptionNames].join(', ')}`,
      );
    }
  }
  if (options.handlers === undefined)
    throw new InvalidOptionError('handlers', 'it must name a module');
  const { handlers, container, handleSignals = true, on = {}, ...workerOptions } = options;
  const modules = [handlers].flat().map((module) => handlerModuleUrl(module as string | URL).href);
  const config = { container: container === undefined ? null : handlerModuleUrl(container).href };
  const worker = new Worker(planWorker(workerOptions), makeExecutorOf(modules, config), on);
  isolateSubscribers(on);
  const names = await worker.start();
  const running: RunningWorker = {
    name: worker.plan.name,
    handlers: names,
    done: worker.done,
    stop: (stop) => worker.stop(stop),
  };
  if (handleSignals) stopOnSignals(running);
  return running;
};

// A subscriber that throws is reported by rxjs as an uncaught exception, which would end the worker and all
// its jobs. Somebody who set a hook of their own keeps it.
const isolateSubscribers = (on: WorkerEvents): void => {
  rxConfig.onUnhandledError ??= (error) => {
    if (on.onTrouble) on.onTrouble(error);
    else
      process.emitWarning(error instanceof Error ? error : `A subscriber threw ${String(error)}`);
  };
};

const stopOnSignals = (worker: RunningWorker): void => {
  let asked = false;
  const onSignal = (): void => {
    void worker.stop(asked ? { graceMs: 0 } : {});
    asked = true;
  };
  const forget = (): void => {
    process.off('SIGTERM', onSignal);
    process.off('SIGINT', onSignal);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  worker.done.then(forget, forget);
};

export type { Settled };
