// One process per job, forked ahead. Of the libraries here only rxrq does that.
export const name = 'fork-per-job';

export const cases = [
  {
    id: 'fork-per-job',
    title: 'one process per job',
    unit: 'jobs/s',
    better: 'higher',
    needs: ['fork-per-job'],
    concurrency: 2,
    jobs: 120,
  },
];

export async function measure(lab, { concurrency, jobs }) {
  const { jobsPerSecond, ...metrics } = await lab.drain({
    jobs,
    concurrency,
    isolation: 'fork-per-job',
    pollMs: 20,
  });
  return { value: jobsPerSecond, ...metrics };
}
