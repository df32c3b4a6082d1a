// @ts-check
import { PageFetcher } from './page-fetcher.js';
import { Ranking } from './ranking.js';
import { WordCounter } from './word-counter.js';

/**
 * Fills the container, in the worker and in each of its executors. In plain JavaScript a class says
 * what it needs by a factory; `examples/inject-a-service.ts` does the same with decorators.
 *
 * @param {import('tsyringe').DependencyContainer} container
 */
export const configure = (container) => {
  container.registerSingleton(PageFetcher);
  container.register(WordCounter, {
    useFactory: (inside) => new WordCounter(inside.resolve(PageFetcher)),
  });
  container.register(Ranking, {
    useFactory: (inside) => new Ranking(inside.resolve(PageFetcher)),
  });
};
