import 'reflect-metadata';
import { AsyncLocalStorage } from 'node:async_hooks';
import { type DependencyContainer, container as globalContainer, Lifecycle } from 'tsyringe';
import type { ClassResolver, HandlerClass } from '../actors/handlers/collect-handlers.js';
import type { JobContext } from '../tasks.js';
import { CURRENT_JOB, JOB_SIGNAL } from './tokens.js';

/** What a module exports to fill the container, in the worker and in each executor alike. */
export type Configure = (container: DependencyContainer) => void | Promise<void>;

interface Disposable {
  dispose(): unknown;
}

/** The two things of tsyringe's container that it does not show, and that a right disposal needs. */
interface Insides {
  disposables?: Set<Disposable>;
  _registry?: {
    entries(): Iterable<
      [token: never, registrations: Array<{ options: { lifecycle: Lifecycle } }>]
    >;
  };
}

/** One process's container: singletons live in it, each job gets a child of its own. */
export class JobContainer {
  readonly root: DependencyContainer;
  private readonly scope = new AsyncLocalStorage<DependencyContainer>();

  private constructor() {
    this.root = globalContainer.createChildContainer();
  }

  /** Fills a container with what the modules configure, and makes their singletons. @throws what they throw */
  static async create(configures: readonly Configure[]): Promise<JobContainer> {
    const made = new JobContainer();
    for (const configure of configures) await configure(made.root);
    // A singleton that a job's container resolves first would be disposed with that job, and handed out
    // closed to the next one: all are made here, by the root.
    for (const insides of [globalContainer, made.root] as unknown as Insides[]) {
      for (const [token, registrations] of insides._registry?.entries() ?? []) {
        const isSingleton = registrations.some(
          ({ options }) => options.lifecycle === Lifecycle.Singleton,
        );
        if (isSingleton) made.root.resolve(token);
      }
    }
    return made;
  }

  /** How handlers that are classes are found: in the container of the job that runs. */
  get classes(): ClassResolver {
    return {
      resolve: (handlerClass: HandlerClass) =>
        (this.scope.getStore() ?? this.root).resolve(handlerClass as never) as object,
    };
  }

  /** Runs one job in a container of its own, and disposes what the job made, last made first. */
  runJob(job: JobContext, run: () => unknown): unknown {
    const child = this.root.createChildContainer();
    child.register(CURRENT_JOB, { useValue: job });
    child.register(JOB_SIGNAL, { useValue: job.signal });
    return this.scope.run(child, async () => {
      try {
        return await run();
      } finally {
        await disposeAll(child);
      }
    });
  }

  /** Disposes the singletons, last made first, each awaited. */
  dispose(): Promise<void> {
    return disposeAll(this.root);
  }
}

// tsyringe disposes first made first and waits for none: a pool would close under those who still use it.
const disposeAll = async (container: DependencyContainer): Promise<void> => {
  const made = [...((container as unknown as Insides).disposables ?? [])].reverse();
  for (const one of made) await one.dispose();
  container.clearInstances();
};
