import 'reflect-metadata';
import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type DependencyContainer,
  container as globalContainer,
  type InjectionToken,
  Lifecycle,
  type RegistrationOptions,
} from 'tsyringe';
import type { ClassResolver, HandlerClass } from '../actors/handlers/collect-handlers.js';
import type { JobContext } from '../tasks.js';
import { CURRENT_JOB, JOB_SIGNAL } from './tokens.js';

/** What a module exports to fill the container, in the worker and in each executor alike. */
export type Configure = (container: DependencyContainer) => void | Promise<void>;

interface Disposable {
  dispose(): unknown;
}

interface Registration {
  provider: Parameters<DependencyContainer['register']>[1];
  options: RegistrationOptions;
}

/** What tsyringe's container does not show, and what a right disposal needs. */
interface Insides {
  disposables: Set<Disposable>;
  _registry: { entries(): Iterable<[token: InjectionToken, registrations: Registration[]]> };
}

const inside = (container: DependencyContainer): Insides => container as unknown as Insides;

const singletonsOf = (container: DependencyContainer): [InjectionToken, Registration[]][] =>
  [...inside(container)._registry.entries()].filter(([, registrations]) =>
    registrations.some(({ options }) => options.lifecycle === Lifecycle.Singleton),
  );

/** The container of one runtime: singletons live in it, each job gets a child of its own. */
export class JobContainer {
  readonly root = globalContainer.createChildContainer();
  private readonly scope = new AsyncLocalStorage<DependencyContainer>();

  private constructor() {}

  /** Fills a container with what the modules configure, and makes the singletons. @throws what they throw */
  static async create(configures: readonly Configure[]): Promise<JobContainer> {
    const made = new JobContainer();
    const { root } = made;
    // Decorators register with the global container, which outlives us: the next runtime of this process
    // would be given what we have disposed.
    for (const [token, registrations] of singletonsOf(globalContainer)) {
      if (root.isRegistered(token)) continue;
      for (const { provider, options } of registrations) {
        root.register(token, provider as never, options);
      }
    }
    for (const configure of configures) await configure(root);
    // A singleton that a job's container resolves first would be disposed with that job, and handed out
    // closed to the next one: all are made here, by the root.
    for (const [token] of singletonsOf(root)) root.resolveAll(token);
    return made;
  }

  /** How handlers that are classes are found: in the container of the job that runs. */
  get classes(): ClassResolver {
    return {
      resolve: (handlerClass: HandlerClass) =>
        (this.scope.getStore() ?? this.root).resolve(handlerClass as never) as object,
    };
  }

  /**
   * Runs one job in a container of its own, and disposes what the job made. What the handler throws is the
   * outcome; a disposal that fails is it only when nothing else did.
   */
  async runJob(job: JobContext, run: () => unknown): Promise<unknown> {
    const child = this.root.createChildContainer();
    child.register(CURRENT_JOB, { useValue: job });
    // Made when it is asked for, as few handlers do.
    child.register(JOB_SIGNAL, { useFactory: () => job.signal });
    let result: unknown;
    try {
      result = await this.scope.run(child, async () => run());
    } catch (error) {
      await disposeAll(child).catch(() => undefined);
      throw error;
    }
    await disposeAll(child);
    return result;
  }

  /** Disposes the singletons. @throws what the first disposal that failed has thrown */
  dispose(): Promise<void> {
    return disposeAll(this.root);
  }
}

// Last made first, each awaited, all of them even when one fails. tsyringe disposes the first made first and all
// at once: a pool would close under those who still use it.
const disposeAll = async (container: DependencyContainer): Promise<void> => {
  const failures: unknown[] = [];
  for (const one of [...inside(container).disposables].reverse()) {
    try {
      await one.dispose();
    } catch (error) {
      failures.push(error);
    }
  }
  inside(container).disposables.clear();
  if (failures.length > 0) throw failures[0];
};
