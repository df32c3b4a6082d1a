import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { installedVersion } from './installed-version.mjs';

export const name = 'bull';
export const abilities = ['inline', 'children'];
export const version = () => installedVersion('bull');
export const finishedCount = (queue) => ['ZCARD', `bull:${queue}:completed`];

const processorFile = fileURLToPath(new URL('../handlers/bull-processor.cjs', import.meta.url));

export async function openProducer({ redis, queue }) {
  const producer = await open(queue, { redis: connection(redis) });
  return {
    enqueue: (arg) => producer.add(arg),
    enqueueMany: (args) => producer.addBulk(args.map((data) => ({ data }))),
    close: () => producer.close(),
  };
}

export async function startWorker({ redis, queues, concurrency, isolation }) {
  const settings =
    queues.length > 1 ? await sharedConnections(redis) : { redis: connection(redis) };
  const opened = await Promise.all(queues.map((queue) => open(queue, settings)));
  const { noop } = await import('../handlers/bench.mjs');
  const processor = isolation === 'children' ? processorFile : (job) => noop(job.data);
  for (const queue of opened) queue.process(concurrency, processor).catch(fail);
  return { close: () => Promise.all(opened.map((queue) => queue.close())) };
}

export async function listen({ redis, queue, onFinished }) {
  const listener = await open(queue, { redis: connection(redis) });
  // Bull subscribes when the first global listener is added, and tells when Redis has agreed.
  const subscribed = once(listener, 'registered:global:completed');
  listener.on('global:completed', () => onFinished(1));
  await subscribed;
  return { close: () => listener.close() };
}

async function open(queue, settings) {
  const { default: Bull } = await import('bull');
  const opened = new Bull(queue, settings);
  opened.on('error', fail);
  await opened.isReady();
  return opened;
}

// As Bull's manual advises for many queues: one client and one subscriber for all of them, and only
// the blocking connection per queue.
async function sharedConnections(redis) {
  const { createRequire } = await import('node:module');
  const bull = createRequire(import.meta.url).resolve('bull');
  const Redis = createRequire(bull)('ioredis');
  const options = { ...connection(redis), maxRetriesPerRequest: null, enableReadyCheck: false };
  const shared = { client: new Redis(options), subscriber: new Redis(options) };
  return { createClient: (kind) => shared[kind] ?? new Redis(options) };
}

function connection({ host, port, db, username, password, tls }) {
  return { host, port, db, username, password, tls };
}

function fail(error) {
  throw error;
}
