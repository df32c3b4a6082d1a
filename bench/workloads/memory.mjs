// How many bytes of Redis does a job with a payload of 25 bytes take, waiting and finished? So many jobs that what
// a library keeps once (an event log of bounded length) is not counted as theirs. The queue's name is part of a job in
// some libraries: that of RQ and of most programs is measured.
import { settledMemory } from '../harness/redis-readings.mjs';

export const name = 'memory';

const bytes = {
  unit: 'bytes',
  better: 'lower',
  needs: ['inline'],
  queue: 'default',
  jobs: 60_000,
  least: 60_000,
};

export const cases = [
  { ...bytes, id: 'memory-queued', title: 'memory per queued job', finish: false },
  { ...bytes, id: 'memory-finished', title: 'memory per finished job', finish: true },
];

export async function measure(lab, { jobs, least, finish }) {
  const total = Math.max(lab.scale(jobs), least);
  const empty = await settledMemory(lab.client);
  await lab.fill(total);
  if (finish) {
    const worker = await lab.worker({ concurrency: 50 });
    await lab.watchFinished(worker, { warmUp: 1, total });
    await worker.kill();
  }
  return { value: ((await settledMemory(lab.client)) - empty) / total };
}
