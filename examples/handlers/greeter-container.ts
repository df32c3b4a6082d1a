import type { DependencyContainer } from 'rxrq/di';
import { GREETING } from './greeter.js';

/** Called wherever handlers run: in each forked executor, or in the worker when it runs them inline. */
export const configure = (container: DependencyContainer): void => {
  container.register(GREETING, { useValue: 'Good morning' });
};
