import { fileURLToPath } from 'node:url';
import { installedVersion } from './installed-version.mjs';

export const name = 'bullmq';
export const abilities = ['inline', 'children'];
export const version = () => installedVersion('bullmq');
export const finishedCount = (queue) => ['ZCARD', `bull:${queue}:completed`];

const processorFile = fileURLToPath(new URL('../handlers/bullmq-processor.mjs', import.meta.url));

export async function openProducer({ redis, queue, eventLog }) {
  const { Queue } = await import('bullmq');
  const producer = new Queue(queue, { connection: connection(redis), ...eventLimit(eventLog) });
  await producer.waitUntilReady();
  return {
    enqueue: (arg) => producer.add('noop', arg),
    enqueueMany: (args) => producer.addBulk(args.map((data) => ({ name: 'noop', data }))),
    close: () => producer.close(),
  };
}

export async function startWorker({ redis, queues, concurrency, isolation }) {
  const { Worker } = await import('bullmq');
  const processor = isolation === 'children' ? processorFile : await inlineProcessor();
  const workers = queues.map(
    (queue) => new Worker(queue, processor, { connection: connection(redis), concurrency }),
  );
  for (const worker of workers) worker.on('error', fail);
  await Promise.all(workers.map((worker) => worker.waitUntilReady()));
  return { close: () => Promise.all(workers.map((worker) => worker.close())) };
}

export async function listen({ redis, queue, onFinished }) {
  const { QueueEvents } = await import('bullmq');
  const lastEventId = await newestEvent(redis, queue);
  const events = new QueueEvents(queue, { connection: connection(redis), lastEventId });
  events.on('completed', () => onFinished(1));
  await events.waitUntilReady();
  return { close: () => events.close() };
}

async function inlineProcessor() {
  const { noop } = await import('../handlers/bench.mjs');
  return (job) => noop(job.data);
}

// Its default, '$', is fixed only when the first blocking read arrives at Redis: an exact id can miss nothing.
async function newestEvent(redis, queue) {
  const { default: Redis } = await import('ioredis');
  const client = new Redis(connection(redis));
  const [newest] = await client.xrevrange(`bull:${queue}:events`, '+', '-', 'COUNT', 1);
  client.disconnect();
  return newest?.[0] ?? '0';
}

// The default keeps about 10,000 events, and a listener that falls further behind loses some:
// where events are measured the log is made long enough.
function eventLimit(eventLog) {
  return eventLog ? { streams: { events: { maxLen: eventLog } } } : {};
}

function connection({ host, port, db, username, password, tls }) {
  return { host, port, db, username, password, tls, maxRetriesPerRequest: null };
}

function fail(error) {
  throw error;
}
