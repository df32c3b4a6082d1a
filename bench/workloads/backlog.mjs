// Do enqueueing and draining slow down when a million jobs wait?
// The value is a library's rate at the large backlog over its own at the small one.
export const name = 'backlog';

const ratio = { unit: 'x of its own', better: 'higher', needs: ['inline'], subjectOnly: true };
const small = 10_000;
const large = 1_000_000;

export const cases = [
  {
    ...ratio,
    id: 'backlog-drain',
    title: 'drain, 1 M waiting against 10 k',
    measured: 40_000,
    rateAt: drainRate,
  },
  {
    ...ratio,
    id: 'backlog-enqueue',
    title: 'enqueue, 1 M waiting against 10 k',
    measured: 40_000,
    rateAt: enqueueRate,
  },
];

export async function measure(lab, { measured, rateAt }) {
  const count = lab.scale(measured);
  const queue = lab.queue;
  const few = await rateAt(lab, { waiting: lab.scale(small), count });
  // A second queue: what the first one finished stays where it is and is small beside the backlog.
  lab.queue = `${queue}-large`;
  const many = await rateAt(lab, { waiting: lab.scale(large), count });
  return { value: many / few, jobsPerSecondAtSmall: few, jobsPerSecondAtLarge: many };
}

// Worked off from the head, until `count` jobs after the warm-up are done; never to the end.
async function drainRate(lab, { waiting, count }) {
  const warmUp = Math.ceil(count * 0.15);
  await lab.fill(waiting + warmUp + count);
  const worker = await lab.worker({ concurrency: 100 });
  const { jobsPerSecond } = await lab.watchFinished(worker, { warmUp, total: warmUp + count });
  await worker.kill();
  return jobsPerSecond;
}

async function enqueueRate(lab, { waiting, count }) {
  await lab.fill(waiting);
  const producer = await lab.producer();
  await producer.call('inFlight', { count: Math.ceil(count * 0.15), width: 100 });
  const { elapsedMs } = await producer.call('inFlight', { count, width: 100 });
  await producer.kill();
  return (count / elapsedMs) * 1000;
}
