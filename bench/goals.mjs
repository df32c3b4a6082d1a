// What rxrq wants to reach. `against` makes a goal a ratio to a peer in a case of its own guarantee
// (`strict`), else the figure stands for itself. Beyond `aim` nobody needs to optimise.

const strictDrains = ['drain-c10', 'drain-c100'];

export const goals = [
  ratio('enqueue-awaited', { reach: 0.9, aim: 1.0 }),
  ratio('enqueue-inflight', { reach: 1.3, aim: 1.8 }),
  ratio('enqueue-bulk', { reach: 1.3, aim: 1.8 }),
  ratio('drain-c1', { reach: 1.2, aim: 1.5 }),
  ratio('drain-c10', { reach: 1.5, aim: 1.9 }),
  ratio('drain-c100', { reach: 2, aim: 2.7 }),
  ratio('drain-c1-prefetch', { strict: 'drain-c1', reach: 5, aim: 15 }),
  ratio('drain-c10-prefetch', { strict: 'drain-c10', reach: 2.5, aim: 4 }),
  ratio('drain-c100-prefetch', { strict: 'drain-c100', reach: 2.5, aim: 4 }),
  ratio('children-2', { reach: 1.2, aim: 1.6 }),
  ratio('children-4', { reach: 1.2, aim: 1.6 }),
  ratio('children-2-prefetch', { strict: 'children-2', reach: 5, aim: 12 }),
  ratio('children-4-prefetch', { strict: 'children-4', reach: 5, aim: 12 }),
  figure('fork-per-job', { better: 'higher', reach: 40, aim: 55 }),
  ratio('latency-idle', { better: 'lower', peer: 'bee-queue', reach: 1.2, aim: 1.0 }),
  ratio('latency-idle', { better: 'lower', peer: 'bullmq', reach: 0.8 }),
  ...strictDrains.flatMap((id) => [
    figure(id, { metric: 'redisCpuUsPerJob', better: 'lower', reach: 20, aim: 12 }),
    figure(id, { metric: 'nodeCpuUsPerJob', better: 'lower', reach: 20, aim: 10 }),
  ]),
  ratio('events', { reach: 2, aim: 4 }),
  figure('memory-queued', { better: 'lower', reach: 450, aim: 350 }),
  figure('memory-finished', { better: 'lower', reach: 800, aim: 550 }),
  figure('backlog-drain', { better: 'higher', reach: 0.8, aim: 0.95 }),
  figure('backlog-enqueue', { better: 'higher', reach: 0.8, aim: 0.95 }),
  figure('idle-20-queues', { better: 'lower', reach: 0.2, aim: 0.1 }),
];

function ratio(id, { strict = id, peer, better = 'higher', reach, aim = null }) {
  return { case: id, metric: 'value', better, against: { case: strict, peer }, reach, aim };
}

function figure(id, { metric = 'value', better, reach, aim }) {
  return { case: id, metric, better, against: null, reach, aim };
}
