// How fast can one process put jobs in?
import { readRedis, redisPerJob } from '../harness/redis-readings.mjs';

export const name = 'enqueue';

const rate = { unit: 'jobs/s', better: 'higher' };

export const cases = [
  {
    ...rate,
    id: 'enqueue-awaited',
    title: 'enqueue, awaited one by one',
    mode: 'awaited',
    jobs: 10_000,
    warmUp: 6000,
    width: 1,
  },
  {
    ...rate,
    id: 'enqueue-inflight',
    title: 'enqueue, 100 in flight',
    mode: 'inFlight',
    jobs: 40_000,
    warmUp: 4000,
    width: 100,
  },
  {
    ...rate,
    id: 'enqueue-bulk',
    title: 'enqueue in bulks of 1000',
    mode: 'bulk',
    jobs: 60_000,
    warmUp: 6000,
    batch: 1000,
  },
];

export async function measure(lab, { mode, jobs, warmUp, width, batch }) {
  const count = lab.scale(jobs);
  const producer = await lab.producer();
  await producer.call(mode, { count: lab.scale(warmUp), width, batch });
  const before = await readRedis(lab.client);
  const { elapsedMs, cpuUs } = await producer.call(mode, { count, width, batch });
  const after = await readRedis(lab.client);
  return {
    value: (count / elapsedMs) * 1000,
    nodeCpuUsPerJob: cpuUs / count,
    ...redisPerJob(before, after, count),
  };
}
