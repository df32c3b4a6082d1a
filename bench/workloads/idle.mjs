// What does a worker cost that listens on 20 empty queues? The window must hold two of the longest
// blocking calls (20 s) of the libraries, so it does not shrink with --quick.
import { setTimeout as pause } from 'node:timers/promises';
import { readRedis } from '../harness/redis-readings.mjs';

export const name = 'idle';

// V8 collects garbage once, some eight seconds after a process falls idle. That costs as much as a
// minute of idling: it has to be over when the window opens.
const settleMs = 11_000;

export const cases = [
  {
    id: 'idle-20-queues',
    title: 'idle worker on 20 queues',
    unit: 'CPU s/min',
    better: 'lower',
    needs: ['inline'],
    queues: 20,
    inQuick: false,
    watchMs: 45_000,
  },
];

export async function measure(lab, { queues, watchMs }) {
  const names = Array.from({ length: queues }, (_, index) => `${lab.queue}-${index}`);
  const worker = await lab.worker({ queues: names, concurrency: 1 });
  await pause(settleMs);
  const [before, cpuBefore] = await Promise.all([readRedis(lab.client), worker.call('cpu')]);
  await pause(watchMs);
  const [after, cpuAfter] = await Promise.all([readRedis(lab.client), worker.call('cpu')]);
  const seconds = (after.atMs - before.atMs) / 1000;
  const perMinute = 60 / seconds / 1e6;
  return {
    value: (cpuAfter.cpuUs - cpuBefore.cpuUs) * perMinute,
    redisCpuSecondsPerMinute: (after.cpuUs - before.cpuUs) * perMinute,
    commandsPerSecond: commandsBetween(before, after) / seconds,
  };
}

function commandsBetween(before, after) {
  return Object.entries(after.calls)
    .filter(([command]) => command !== 'info')
    .reduce((sum, [command, calls]) => sum + calls - (before.calls[command] ?? 0), 0);
}
