// How long from the call of enqueue to the first line of the handler, when a worker has room?
import { setTimeout as pause } from 'node:timers/promises';
import { median, quantile } from '../harness/median.mjs';
import { monotonicMs } from '../harness/monotonic-ms.mjs';

export const name = 'latency';

const delay = { unit: 'ms', better: 'lower', needs: ['inline'], concurrency: 10 };
const giveUpMs = 10_000;

export const cases = [
  {
    ...delay,
    id: 'latency-idle',
    title: 'enqueue to handler start, idle worker, p50',
    jobs: 250,
    gapMs: 12,
    least: 100,
  },
  {
    ...delay,
    id: 'latency-500',
    inQuick: false,
    title: 'enqueue to handler start, 500 jobs/s, p50',
    jobs: 1500,
    gapMs: 2,
    least: 300,
  },
];

export async function measure(lab, { jobs, gapMs, concurrency, least }) {
  const compiled = lab.scale(3000);
  const settled = 30;
  const count = Math.max(lab.scale(jobs), least);
  const worker = await lab.worker({ concurrency, recordLatency: true });
  const producer = await lab.producer();
  // Both have run for a while: in its first thousands of jobs a process mostly compiles.
  await producer.call('awaited', { count: compiled });
  await allStarted(worker, compiled);
  await producer.call('spaced', { count: settled, gapMs });
  await producer.call('spaced', { count, gapMs });
  const latenciesMs = (await allStarted(worker, compiled + settled + count)).slice(-count);
  return { value: median(latenciesMs), p99Ms: quantile(latenciesMs, 0.99) };
}

async function allStarted(worker, count) {
  const startMs = monotonicMs();
  for (;;) {
    const latenciesMs = await worker.call('latencies');
    if (latenciesMs.length >= count) return latenciesMs;
    if (monotonicMs() - startMs > giveUpMs) {
      throw new Error(`only ${latenciesMs.length} of ${count} jobs started`);
    }
    await pause(20);
  }
}
