// The only file of the bench that knows rxrq's interface.
import { existsSync, readFileSync } from 'node:fs';

export const name = 'rxrq';
export const abilities = ['inline', 'children', 'fork-per-job', 'prefetch'];
export const finishedCount = (queue) => ['ZCARD', `rq:finished:${queue}`];

const task = 'bench.noop';
const entry = new URL('../../dist/index.js', import.meta.url);
const handlers = new URL('../handlers/bench.mjs', import.meta.url);
const isolations = { inline: 'inline', children: 'pool', 'fork-per-job': 'fork-per-job' };

export function version() {
  if (!existsSync(entry)) {
    throw new Error(
      'rxrq is not built: dist/index.js is missing, run `npm run build` beside bench/',
    );
  }
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
}

export async function openProducer({ redis, queue }) {
  const { Rq } = await import(entry.href);
  const rq = new Rq({ url: redis.url });
  const producer = rq.queue(queue);
  return {
    enqueue: (arg) => producer.enqueue(task, arg),
    enqueueMany: (args) => producer.enqueueMany(args.map((arg) => ({ name: task, args: [arg] }))),
    close: () => rq.close(),
  };
}

export async function startWorker({ redis, queues, concurrency, isolation, prefetch, eventLog }) {
  const { bootWorker } = await import(entry.href);
  const worker = await bootWorker({
    url: redis.url,
    queues,
    handlers,
    concurrency,
    isolation: isolations[isolation],
    prefetch,
    ...(eventLog && { wire: { eventLogLength: eventLog } }),
  });
  return { close: () => worker.stop() };
}

export async function listen({ redis, queue, onFinished }) {
  const { Rq, ofKind } = await import(entry.href);
  const rq = new Rq({ url: redis.url });
  // The begin is fixed once `ready` has resolved: nothing that comes after it can be missed.
  const events$ = await rq.queue(queue).events('now').ready();
  const subscription = events$.pipe(ofKind('finished')).subscribe(() => onFinished(1));
  return {
    close() {
      subscription.unsubscribe();
      return rq.close();
    },
  };
}
