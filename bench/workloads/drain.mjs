// How fast does one worker process work off a backlog of jobs that do nothing, finished jobs kept?
export const name = 'drain';

const rate = { unit: 'jobs/s', better: 'higher', isolation: 'inline' };
const strict = { ...rate, needs: ['inline'], prefetch: 0 };
const prefetch = { ...rate, needs: ['inline', 'prefetch'], prefetch: 'adaptive' };

export const cases = [
  { ...strict, id: 'drain-c1', title: 'drain, concurrency 1', concurrency: 1, jobs: 30_000 },
  { ...strict, id: 'drain-c10', title: 'drain, concurrency 10', concurrency: 10, jobs: 80_000 },
  { ...strict, id: 'drain-c100', title: 'drain, concurrency 100', concurrency: 100, jobs: 100_000 },
  {
    ...prefetch,
    id: 'drain-c1-prefetch',
    title: 'drain, concurrency 1, prefetch',
    concurrency: 1,
    jobs: 100_000,
  },
  {
    ...prefetch,
    id: 'drain-c10-prefetch',
    inQuick: false,
    title: 'drain, concurrency 10, prefetch',
    concurrency: 10,
    jobs: 100_000,
  },
  {
    ...prefetch,
    id: 'drain-c100-prefetch',
    title: 'drain, concurrency 100, prefetch',
    concurrency: 100,
    jobs: 100_000,
  },
];

export async function measure(lab, { concurrency, isolation, prefetch: window, jobs, warmUp }) {
  const { jobsPerSecond, ...metrics } = await lab.drain({
    jobs,
    warmUp,
    concurrency,
    isolation,
    prefetch: window,
  });
  return { value: jobsPerSecond, ...metrics };
}
