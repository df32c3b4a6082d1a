// @ts-check
// Stops a job while it runs, starts it anew, and pauses its queue. Works on Python's workers as well.

import { firstValueFrom } from 'rxjs';
import { bootWorker, ofKind, Rq } from 'rxrq';

const rq = new Rq();
const queue = rq.queue('example-stop');
const worker = await bootWorker({
  queues: [queue.name],
  handlers: new URL('./handlers/words.js', import.meta.url),
});

const events$ = await queue.events('now').ready();
const hasBegun = firstValueFrom(events$.pipe(ofKind('progressed')));
const job = await queue.enqueueWith({ retry: { max: 3 } }, 'words.dictate', 'never mind', 60_000);
await hasBegun;
const { state, jobs } = await rq.worker(worker.name).ping();
console.log(`the worker is ${state} with ${jobs.length} job`);

await job.stop({ timeoutMs: 30_000 });
const stopped = await job.fetch();
console.log(`${stopped.status}: ${stopped.excInfo}`);

await queue.pause();
await job.requeue();
console.log('paused:', (await job.fetch()).status);
const runsAgain = firstValueFrom(events$.pipe(ofKind('started')));
await queue.resume();
await runsAgain;
await job.cancel(); // reaches the running handler at once
console.log(`then ${(await job.fetch()).status}`);

// As `rxrq shutdown` and Python's `send_shutdown_command` do.
console.log(await rq.worker(worker.name).shutdown());
await worker.done;
await job.delete();
await rq.close();
