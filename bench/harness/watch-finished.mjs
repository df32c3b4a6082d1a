import { setTimeout as pause } from 'node:timers/promises';
import { monotonicMs } from './monotonic-ms.mjs';
import { readRedis, redisPerJob } from './redis-readings.mjs';

const stalledMs = 20_000;

/**
 * Measures a drain from outside, in the same way for every library: the number of finished jobs in
 * Redis is read every `pollMs`. The clock runs from `warmUp` finished jobs to `total`; before it
 * lies the start of the connections, of the children and of the JIT. `worker` is a participant with
 * the role worker, `finished` the library's count as a Redis command.
 */
export async function watchFinished({ client, worker, finished, warmUp, total, pollMs = 5 }) {
  const [command, ...args] = finished;
  let polls = 0;
  const count = () => {
    worker.throwIfEnded();
    polls += 1;
    return client.call(command, ...args);
  };
  const first = await reach({ count, goal: warmUp, pollMs });
  const [before, cpuBefore] = await Promise.all([readRedis(client), worker.call('cpu')]);
  const pollsBefore = polls;
  const last = await reach({ count, goal: total, pollMs });
  const [after, cpuAfter] = await Promise.all([readRedis(client), worker.call('cpu')]);

  const jobs = last.jobs - first.jobs;
  if (jobs <= 0) throw new Error(`all ${total} jobs were finished before the clock started`);
  const elapsedMs = last.atMs - first.atMs;
  const own = { [command.toLowerCase()]: polls - pollsBefore };
  return {
    jobs,
    jobsPerSecond: (jobs / elapsedMs) * 1000,
    // The worker reads its CPU time when its event loop comes round: use its own clock for it.
    nodeCpuUsPerJob: (share(cpuBefore, cpuAfter) * elapsedMs) / jobs,
    ...redisPerJob(before, after, jobs, own),
  };
}

function share(before, after) {
  return (after.cpuUs - before.cpuUs) / (after.atMs - before.atMs);
}

async function reach({ count, goal, pollMs }) {
  let best = -1;
  let movedMs = monotonicMs();
  for (;;) {
    const jobs = await count();
    const atMs = monotonicMs();
    if (jobs >= goal) return { jobs, atMs };
    if (jobs > best) {
      best = jobs;
      movedMs = atMs;
    } else if (atMs - movedMs > stalledMs) {
      throw new Error(`no job finished for ${stalledMs / 1000} s, at ${jobs} of ${goal}`);
    }
    await pause(pollMs);
  }
}
