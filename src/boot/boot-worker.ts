import { config as rxConfig } from 'rxjs';
import { handlerModuleUrl } from '../actors/handlers/load-handlers.js';
import { troubleTo } from '../actors/trouble.js';
import { Worker, type WorkerEvents, type WorkerSummary } from '../actors/worker.js';
import { planWorker, type WorkerOptions } from '../actors/worker-options.js';
import { InvalidOptionError } from '../redis/errors.js';
import { makeExecutorOf } from './make-executor.js';

export interface BootOptions extends WorkerOptions {
  /** Module, or modules, whose exports are the handlers: file URL or path from the working directory. */
  handlers: string | URL | ReadonlyArray<string | URL>;
  /**
   * Module that exports `configure(container)`, called wherever handlers run: in each child, or in the worker
   * when it runs them inline. Handler modules may export it too.
   */
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

/**
 * Boots a worker: checks the options, loads the handlers in the executors, registers, and takes jobs until it
 * is stopped. Resolves once it is up.
 *
 * @throws InvalidOptionError, InvalidNameError, HandlerModuleError for a module that is no file,
 * NotDurableError, WorkerNameTakenError, WorkerStartError (a module that does not load is its cause),
 * RedisUnavailableError
 */
export const bootWorker = async (options: BootOptions): Promise<RunningWorker> => {
  const { handlers, container, handleSignals = true, on = {}, ...workerOptions } = options;
  const plan = planWorker(workerOptions);
  const modules = [handlers ?? []].flat().map((module) => handlerModuleUrl(module).href);
  if (modules.length === 0) throw new InvalidOptionError('handlers', 'it must name a module');
  const config = { container: container === undefined ? null : handlerModuleUrl(container).href };
  const onTrouble = troubleTo(on.onTrouble?.bind(on));
  const worker = new Worker(plan, makeExecutorOf(modules, config, onTrouble), on);
  isolateSubscribers(worker, onTrouble);
  if (handleSignals) stopOnSignals(worker);
  const names = await worker.start();
  return {
    name: plan.name,
    handlers: names,
    done: worker.done,
    stop: (stop) => worker.stop(stop),
  };
};

// A subscriber that throws is reported by rxjs as an uncaught exception, which would end the worker and all
// its jobs. Somebody who set a hook of their own keeps it.
const isolateSubscribers = (worker: Worker, hook: (error: unknown) => void): void => {
  if (rxConfig.onUnhandledError) return;
  rxConfig.onUnhandledError = hook;
  whenDone(worker, () => {
    if (rxConfig.onUnhandledError === hook) rxConfig.onUnhandledError = null;
  });
};

// From before the start: whatever is registered by then must be signed off, which the default action of a
// signal would not do.
const stopOnSignals = (worker: Worker): void => {
  let asked = false;
  const onSignal = (): void => {
    if (asked) void worker.stop({ graceMs: 0 });
    // A worker that is coming up is stopped once it is up: whoever boots it gets one to wait for.
    else worker.start().then(() => worker.stop(), ignore);
    asked = true;
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  whenDone(worker, () => {
    process.off('SIGTERM', onSignal);
    process.off('SIGINT', onSignal);
  });
};

const whenDone = (worker: Worker, then: () => void): void => {
  worker.done.then(then, then);
};

const ignore = (): void => undefined;
