// @ts-check
// Enqueues calls and awaits what they return. The types of arguments and results come with the task.
import { bootWorker, JobFailedError, Rq } from 'rxrq';
import { words } from './handlers/words.js';

const rq = new Rq();
const queue = rq.queue('example-results');
const worker = await bootWorker({
  queues: [queue.name],
  handlers: new URL('./handlers/words.js', import.meta.url),
});

const counting = await queue.enqueue(words.count, 'to be or not to be');
console.log('count:', await counting.result({ timeoutMs: 10_000 }));

// A thousand jobs in a round trip.
const texts = ['one', 'two words', 'now there are three'];
const jobs = await queue.enqueueMany(texts.map((text) => ({ name: words.count, args: [text] })));
console.log('counts:', await Promise.all(jobs.map((job) => job.result({ timeoutMs: 10_000 }))));

const failing = await queue.enqueue(words.find, 'question', 'to be or not to be');
try {
  await failing.result({ timeoutMs: 10_000 });
} catch (error) {
  if (!(error instanceof JobFailedError)) throw error;
  console.log('failed:', error.traceback.split('\n')[0]);
  await failing.delete();
}

await worker.stop();
await rq.close();
