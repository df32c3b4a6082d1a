// @ts-check
// Looks at what failed, and gives those another try whose cause was removed.

import { firstValueFrom, take, toArray } from 'rxjs';
import { bootWorker, ofKind, Rq } from 'rxrq';

const rq = new Rq();
const queue = rq.queue('example-requeue');
const settings = {
  queues: [queue.name],
  handlers: new URL('./handlers/shop.js', import.meta.url),
};

const quarantined$ = (await queue.events('now').ready()).pipe(ofKind('quarantined'));
const failures = firstValueFrom(quarantined$.pipe(take(3), toArray()));
const jobs = await queue.enqueueMany(
  ['apples', 'pears', 'unicorns'].map((item) => ({ name: 'shop.order', args: [item] })),
);
const closed = await bootWorker({ ...settings, env: { SHOP: 'closed' } });
await failures;
await closed.stop();

for (const job of await rq.failedQueue.jobs()) {
  if (job.origin === queue.name) console.log(job.description, '-', job.excInfo.split('\n')[0]);
}

// The predicate gets whole jobs: their call, their traceback, when they failed, how often they ran.
const isWorthIt = (/** @type {import('rxrq').JobRecord} */ job) =>
  job.origin === queue.name && job.excInfo.includes('closed') && job.call?.args[0] !== 'unicorns';
console.log('requeued:', await rq.failedQueue.requeueWhere(isWorthIt));

const open = await bootWorker({ ...settings, env: { SHOP: 'open' } });
for (const job of jobs.slice(0, 2)) console.log(await job.result({ timeoutMs: 10_000 }));
console.log('unicorns:', (await jobs[2]?.fetch())?.status);

await jobs[2]?.delete();
await open.stop();
await rq.close();
