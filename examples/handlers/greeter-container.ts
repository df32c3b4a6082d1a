import type { DependencyContainer } from 'tsyringe';
import { GREETING } from './greeter.js';

/** Called in the worker's process when it runs jobs inline, and in each executor when it forks them. */
export const configure = (container: DependencyContainer): void => {
  container.register(GREETING, { useValue: 'Good morning' });
};
