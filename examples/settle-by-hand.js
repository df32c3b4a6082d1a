// @ts-check
// A consumer of one's own: the queue as an Observable of deliveries, each settled by hand.

import { lastValueFrom, mergeMap, take } from 'rxjs';
import { Rq } from 'rxrq';

const rq = new Rq();
const queue = rq.queue('example-deliveries');
const jobs = await queue.enqueueMany(
  ['anna', 'bob', 'otto', ''].map((name) => ({ name: 'palindrome', args: [name] })),
);

/** @param {import('rxrq').Delivery} delivery */
const settle = async (delivery) => {
  const [text] = /** @type {string[]} */ (delivery.call().args);
  if (!text) return delivery.fail(new Error('an empty text is no palindrome'));
  return delivery.finish([...text].reverse().join('') === text);
};

// `concurrency` is the demand: the next delivery comes when one of two was settled. The lease of each
// is kept until then; what is not settled when this process dies goes back to the queue.
const verdicts$ = queue.deliveries$({ concurrency: 2 }).pipe(mergeMap(settle), take(jobs.length));
await lastValueFrom(verdicts$);

for (const job of jobs) {
  const { description, status, result } = await job.fetch();
  console.log(description, result ?? status);
}
await jobs[3]?.delete();
await rq.close();
