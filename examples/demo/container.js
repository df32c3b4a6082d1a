// @ts-check
import { PageFetcher } from './page-fetcher.js';
import { Ranking } from './ranking.js';
import { WordCounter } from './word-counter.js';

/**
 * Fills the container, wherever handlers run: in each executor, or in the worker when it runs them inline. In plain JavaScript a class says
 * what it needs by a factory; `examples/inject-a-service.ts` does the same with decorators.
 *
 * @param {import('rxrq/di').DependencyContainer} container
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
