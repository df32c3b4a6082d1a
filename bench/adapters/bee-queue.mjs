import { installedVersion } from './installed-version.mjs';

export const name = 'bee-queue';
export const abilities = ['inline'];
export const version = () => installedVersion('bee-queue');
export const finishedCount = (queue) => ['SCARD', `bq:${queue}:succeeded`];

// Bee-Queue publishes and receives events by default. It is measured without them wherever they are
// not the question, as its manual advises for speed; a producer keeps no jobs in memory either.
const quiet = { getEvents: false, sendEvents: false, storeJobs: false };

export async function openProducer({ redis, queue }) {
  const producer = await open(queue, { redis: connection(redis), ...quiet, isWorker: false });
  return {
    enqueue: (arg) => producer.createJob(arg).save(),
    async enqueueMany(args) {
      const errors = await producer.saveAll(args.map((arg) => producer.createJob(arg)));
      for (const error of errors.values()) throw error;
    },
    close: () => producer.close(),
  };
}

export async function startWorker({ redis, queues, concurrency, events }) {
  const settings = { ...quiet, sendEvents: events, redis: await client(redis, queues.length > 1) };
  const opened = await Promise.all(queues.map((queue) => open(queue, settings)));
  const { noop } = await import('../handlers/bench.mjs');
  for (const queue of opened) {
    queue.process(concurrency, (job) => noop(job.data));
    // Without it a dead worker's jobs are never taken up again; the other libraries always check.
    queue.checkStalledJobs(queue.settings.stallInterval, (error) => error && fail(error));
  }
  return { close: () => Promise.all(opened.map((queue) => queue.close())) };
}

export async function listen({ redis, queue, onFinished }) {
  const listener = await open(queue, {
    redis: connection(redis),
    ...quiet,
    getEvents: true,
    isWorker: false,
  });
  listener.on('job succeeded', () => onFinished(1));
  return { close: () => listener.close() };
}

async function open(queue, settings) {
  const { default: BeeQueue } = await import('bee-queue');
  const opened = new BeeQueue(queue, settings);
  opened.on('error', fail);
  await opened.ready();
  return opened;
}

// Several queues share one command connection, as the manual advises.
async function client(redis, shared) {
  if (!shared) return connection(redis);
  const { createRequire } = await import('node:module');
  const beeQueue = createRequire(import.meta.url).resolve('bee-queue');
  return createRequire(beeQueue)('redis').createClient(connection(redis));
}

function connection({ host, port, db, username, password, tls }) {
  return { host, port, db, username, password, tls };
}

function fail(error) {
  throw error;
}
