// The same drain with each job in a separate process, processes reused.
import { measure as measureDrain } from './drain.mjs';

export const name = 'children';

const rate = { unit: 'jobs/s', better: 'higher', isolation: 'children' };
const strict = { ...rate, needs: ['children'], prefetch: 0 };
const prefetch = { ...rate, needs: ['children', 'prefetch'], prefetch: 'adaptive' };

export const cases = [
  {
    ...strict,
    id: 'children-2',
    title: '2 children, one job at a time',
    concurrency: 2,
    jobs: 24_000,
    warmUp: 8000,
  },
  {
    ...strict,
    id: 'children-4',
    inQuick: false,
    title: '4 children, one job at a time',
    concurrency: 4,
    jobs: 24_000,
    warmUp: 8000,
  },
  {
    ...prefetch,
    id: 'children-2-prefetch',
    title: '2 children, prefetch',
    concurrency: 2,
    jobs: 50_000,
  },
  {
    ...prefetch,
    id: 'children-4-prefetch',
    inQuick: false,
    title: '4 children, prefetch',
    concurrency: 4,
    jobs: 50_000,
  },
];

export const measure = measureDrain;
