import type { JobContext } from '../../tasks.js';
import type { Handlers } from '../handlers/handlers.js';
import { loadHandlers } from '../handlers/load-handlers.js';

/** What runs in an executor: the handlers, and the surroundings of each job. */
export interface ExecutorRuntime {
  readonly handlers: Pick<Handlers, 'get' | 'names'>;
  /** Wraps the call of each handler, for example with a container of its own. Must call `run`. */
  runJob?(job: JobContext, run: () => unknown): unknown;
  /** Awaited before the executor leaves in peace; not when it is killed. */
  dispose?(): Promise<void> | void;
}

/** What a boot module exports under the name `createExecutorRuntime`. */
export type CreateExecutorRuntime = (options: {
  readonly modules: readonly string[];
  readonly config: unknown;
}) => Promise<ExecutorRuntime> | ExecutorRuntime;

/**
 * The boot module's runtime or, without one, the handlers of the modules and nothing around them.
 *
 * @throws HandlerModuleError, DuplicateHandlerError, and whatever the boot module throws
 */
export const createRuntime = async (
  bootModule: string | null,
  modules: readonly string[],
  config: unknown,
): Promise<ExecutorRuntime> => {
  if (bootModule === null) return { handlers: await loadHandlers(modules) };
  const boot = (await import(bootModule)) as { createExecutorRuntime?: CreateExecutorRuntime };
  if (typeof boot.createExecutorRuntime !== 'function') {
    throw new TypeError(`Boot module ${bootModule} does not export createExecutorRuntime`);
  }
  return boot.createExecutorRuntime({ modules, config });
};
