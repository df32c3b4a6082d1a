// The door for modules whose classes are injected. It loads the metadata library before tsyringe, which
// refuses to work without it, and it is sure to be the copy of tsyringe that the executors use.
import 'reflect-metadata';

export {
  autoInjectable,
  type ClassProvider,
  type DependencyContainer,
  type Disposable,
  delay,
  type FactoryProvider,
  type InjectionToken,
  inject,
  injectAll,
  injectable,
  instanceCachingFactory,
  instancePerContainerCachingFactory,
  Lifecycle,
  predicateAwareClassFactory,
  registry,
  scoped,
  singleton,
  type TokenProvider,
  type ValueProvider,
} from 'tsyringe';
export type { Configure } from './container.js';
export { CURRENT_JOB, JOB_SIGNAL } from './tokens.js';
