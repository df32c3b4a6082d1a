// Every library behind one small face. An adapter module exports
//
//   name                        as on the command line
//   abilities                   what it can do: 'inline', 'children', 'fork-per-job', 'prefetch'
//   version()                   string; throws with a sentence when the library cannot be used
//   finishedCount(queue)        the Redis command whose integer reply is the number of finished jobs
//   openProducer(options)       { redis, queue, eventLog } → { enqueue(arg), enqueueMany(args), close() }
//   startWorker(options)        { redis, queues, concurrency, isolation, prefetch, events, eventLog }
//                               → { close() }, once it is ready to take jobs
//   listen(options)             { redis, queue, onFinished(count) } → { close() }, once nothing can be missed
//
// `redis` is { url, host, port, db, username, password, tls }. `isolation` is 'inline', 'children' or
// 'fork-per-job'. `eventLog` is how many events must survive in Redis for the listener.
// An adapter imports its library inside these functions only: the harness reads names and
// abilities in its own process and must not carry four libraries there.

const files = {
  rxrq: './rxrq.mjs',
  bullmq: './bullmq.mjs',
  'bee-queue': './bee-queue.mjs',
  bull: './bull.mjs',
};

export const subject = 'rxrq';
export const peers = Object.keys(files).filter((name) => name !== subject);

export function loadAdapter(name) {
  const file = files[name];
  if (file === undefined) throw new Error(`no adapter for the library '${name}'`);
  return import(file);
}
