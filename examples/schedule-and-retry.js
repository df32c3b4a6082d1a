// @ts-check
// Jobs for later, with pauses between their attempts, and again and again. Every worker has a scheduler that moves them when they are due.

import { lastValueFrom, map, toArray } from 'rxjs';
import { bootWorker, Rq } from 'rxrq';
import { errands } from './handlers/errands.js';

const rq = new Rq();
const queue = rq.queue('example-schedule');
const inTime = { timeoutMs: 20_000 };
/** @param {import('rxrq').Job} job */
const storyOf = (job) =>
  lastValueFrom(
    job.events$.pipe(
      map(({ kind }) => kind),
      toArray(),
    ),
  );

const tomorrow = await queue.enqueueIn('1d', errands.greet, 'world');
const never = await queue.enqueueAt(new Date('2099-12-31T23:59:59Z'), errands.greet, 'future');
const soon = await queue.enqueueWith({ inMs: 300 }, errands.greet, 'you');
console.log('scheduled:', (await queue.counts()).scheduled);
console.log('due:', (await never.dueAt())?.toISOString());

const worker = await bootWorker({
  queues: [queue.name],
  handlers: new URL('./handlers/errands.js', import.meta.url),
});
console.log(await soon.result(inTime));
console.log('  ', (await storyOf(soon)).join(' → '));

// Not so long after all, or not at all.
await tomorrow.promote();
console.log(await tomorrow.result(inTime));
await never.cancel();

// A second, then about two: the pauses are computed when the job is enqueued, so that Python's workers keep to them too.
const backoff = /** @type {const} */ ({ kind: 'exponential', delay: 1, jitter: 0.2 });
const bank = await queue.enqueueWith({ retry: { max: 3, backoff } }, errands.visitBank, 3);
console.log(await bank.result(inTime));
console.log('  ', (await storyOf(bank)).join(' → '));

// Here the handler says itself that it wants to run again.
const parcel = await queue.enqueue(errands.fetchParcel, 2);
console.log(await parcel.result(inTime));

const thrice = await queue.enqueueWith({ repeat: { times: 2 } }, errands.greet, 'again');
await thrice.result(inTime);
console.log('  ', (await storyOf(thrice)).join(' → '));

await worker.stop();
await Promise.all([never, tomorrow, soon, bank, parcel, thrice].map((job) => job.delete()));
await rq.close();
