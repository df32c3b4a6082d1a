// @ts-check
// Subscribes to what happens to the jobs of a queue, and to the story of one job.

import { lastValueFrom, map, share, take, toArray } from 'rxjs';
import { bootWorker, ofKind, Rq } from 'rxrq';
import { words } from './handlers/words.js';

const rq = new Rq();
const queue = rq.queue('example-events');

// Its begin is fixed here: whatever happens from now on is told, however late the subscription comes.
const events$ = (await queue.events('now').ready()).pipe(share());
const kinds = lastValueFrom(
  events$.pipe(
    map(({ kind }) => kind),
    take(7),
    toArray(),
  ),
);
// `ofKind` narrows the type: only `quarantined` events have a reason.
events$
  .pipe(ofKind('quarantined'))
  .subscribe((event) => console.log('an operator should see:', event.reason));

const counting = await queue.enqueue(words.count, 'a rose is a rose');
const failing = await queue.enqueue(words.find, 'tulip', 'a rose is a rose');

const worker = await bootWorker({
  queues: [queue.name],
  handlers: new URL('./handlers/words.js', import.meta.url),
});
console.log('the queue:', (await kinds).sort().join(', '));

// Replayed from the log, and complete once the job has ended.
for (const job of [counting, failing]) {
  const story = await lastValueFrom(job.events$.pipe(toArray()));
  console.log('one job:', story.map(({ kind }) => kind).join(', '));
}

await failing.delete();
await worker.stop();
await rq.close();
