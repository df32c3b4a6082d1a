// How many bytes of Redis does a job with a payload of 25 bytes take, waiting and finished?
import { settledMemory } from '../harness/redis-readings.mjs';

export const name = 'memory';

const bytes = { unit: 'bytes', better: 'lower', needs: ['inline'], jobs: 20_000, least: 10_000 };

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
