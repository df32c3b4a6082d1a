// How fast do terminal events reach a subscriber in another process, while a worker drains?
export const name = 'events';

const rate = { unit: 'events/s', better: 'higher', concurrency: 100, jobs: 80_000 };
const graceMs = 5000;

export const cases = [
  {
    ...rate,
    id: 'events',
    title: 'finished events to a subscriber',
    needs: ['inline'],
    prefetch: 0,
  },
  {
    ...rate,
    id: 'events-prefetch',
    inQuick: false,
    title: 'finished events to a subscriber, prefetch',
    needs: ['inline', 'prefetch'],
    prefetch: 'adaptive',
  },
];

export async function measure(lab, { jobs, concurrency, prefetch }) {
  const total = lab.scale(jobs);
  const goal = { warmUp: Math.ceil(total * 0.15), total };
  // Room for every event of a job in the libraries that keep a log with a limit.
  const eventLog = total * 5;
  await lab.fill(total, { eventLog });
  const listener = await lab.spawn('listener');
  await listener.call('listen', { redis: lab.target, queue: lab.queue, ...goal });
  const worker = await lab.worker({ concurrency, prefetch, events: true, eventLog });
  const drained = await lab.watchFinished(worker, goal);
  const { received, counted, elapsedMs, cpuUs } = await listener.call('outcome', { graceMs });
  if (received < total) throw new Error(`${total - received} of ${total} events never arrived`);
  return {
    value: (counted / elapsedMs) * 1000,
    listenerCpuUsPerEvent: cpuUs / counted,
    nodeCpuUsPerJob: drained.nodeCpuUsPerJob,
    redisCpuUsPerJob: drained.redisCpuUsPerJob,
    commandsPerJob: drained.commandsPerJob,
    commands: drained.commands,
  };
}
