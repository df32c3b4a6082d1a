// @ts-check
// What becomes of running jobs when a worker stops: within the grace they finish, after it they go back.

import { filter, firstValueFrom, share } from 'rxjs';
import { bootWorker, ofKind, Rq } from 'rxrq';
import { words } from './handlers/words.js';

const rq = new Rq();
const queue = rq.queue('example-shutdown');
const events$ = (await queue.events('now').ready()).pipe(share());
const isRunning = (/** @type {string} */ id) =>
  firstValueFrom(
    events$.pipe(filter((event) => event.kind === 'progressed' && event.jobId === id)),
  );

// `bootWorker` stops on SIGTERM and SIGINT by itself; here the stop is ours.
const boot = () =>
  bootWorker({
    queues: [queue.name],
    handlers: new URL('./handlers/words.js', import.meta.url),
    handleSignals: false,
  });

let worker = await boot();
const short = await queue.enqueue(words.dictate, 'three short words', 50);
await isRunning(short.id);
const kindly = await worker.stop();
console.log('with all the time it needs:', (await short.fetch()).status, kindly);

worker = await boot();
const long = await queue.enqueue(words.dictate, 'four very slow words', 60_000);
const back = firstValueFrom(events$.pipe(ofKind('handedBack')));
await isRunning(long.id);
const firmly = await worker.stop({ graceMs: 100 });
console.log('after 100 ms of grace:', (await long.fetch()).status, firmly);
console.log('it waits for another worker:', (await queue.ids()).includes(long.id));
console.log('handed back because of:', (await back).reason);

await long.delete();
await rq.close();
