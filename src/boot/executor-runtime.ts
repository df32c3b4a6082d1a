import type { CreateExecutorRuntime, ExecutorRuntime } from '../actors/executor/child-runtime.js';
import { type ClassResolver, collectHandlers } from '../actors/handlers/collect-handlers.js';
import { Handlers } from '../actors/handlers/handlers.js';
import {
  handlerModuleName,
  handlerModuleUrl,
  importModule,
} from '../actors/handlers/load-handlers.js';
import type { Configure } from './container.js';

/** What the worker sends along to its executors. */
export interface RuntimeConfig {
  /** Module that exports `configure(container)`; one of the handlers' own may do so as well. */
  container: string | null;
}

/**
 * What an executor runs with, in a child and in the worker alike. The container, and with it the cost of
 * loading one, comes only where a module configures it or exports a class to be resolved.
 *
 * @throws HandlerModuleError, DuplicateHandlerError, what `configure` throws
 */
export const createExecutorRuntime: CreateExecutorRuntime = async ({
  modules,
  config,
}): Promise<ExecutorRuntime> => {
  const { container: containerModule } = config as RuntimeConfig;
  const configures: Configure[] = [];
  const loaded: Array<{ namespace: object; name: string }> = [];
  if (containerModule !== null) {
    // Decorators need the metadata library before the first class that carries them is read.
    await import('./container.js');
    configures.push(...configureOf(await importModule(handlerModuleUrl(containerModule))));
  }
  for (const module of modules) {
    const url = handlerModuleUrl(module);
    const namespace = await importModule(url);
    if (module !== containerModule) configures.push(...configureOf(namespace));
    loaded.push({ namespace, name: handlerModuleName(url) });
  }
  const collect = (classes?: ClassResolver): Handlers =>
    new Handlers(
      loaded.flatMap(({ namespace, name }) => collectHandlers(namespace, name, classes)),
    );
  if (configures.length === 0 && containerModule === null && !wantsResolver(loaded))
    return { handlers: collect() };
  const { JobContainer } = await import('./container.js');
  const container = await JobContainer.create(configures);
  return {
    handlers: collect(container.classes),
    runJob: (job, run) => container.runJob(job, run),
    dispose: () => container.dispose(),
  };
};

const configureOf = (namespace: object): Configure[] => {
  const { configure } = namespace as { configure?: unknown };
  return typeof configure === 'function' ? [configure as Configure] : [];
};

// Asked of the collector itself, so that there is one rule for what a handler class is.
const wantsResolver = (loaded: ReadonlyArray<{ namespace: object; name: string }>): boolean => {
  const resolver: ClassResolver = {
    resolve: () => {
      throw new Error('only names are asked for');
    },
  };
  return loaded.some(
    ({ namespace, name }) =>
      collectHandlers(namespace, name, resolver).length > collectHandlers(namespace, name).length,
  );
};
