// @ts-check
// Jobs that wait for others: two counts, then a sum of both, whatever order they run in. And one that goes on
// although what it waited for failed.

import { lastValueFrom, map, toArray } from 'rxjs';
import { bootWorker, Rq } from 'rxrq';
import { words } from './handlers/words.js';

const rq = new Rq();
const queue = rq.queue('example-dependencies');

const parts = await queue.enqueueMany(
  ['to be or not', 'to be'].map((text) => ({ name: words.count, args: [text] })),
);
const whole = await queue.enqueueWith({ dependsOn: parts }, words.count, 'to be or not to be');
const failing = await queue.enqueue(words.find, 'question', 'to be or not to be');
const anyway = await queue.enqueueWith(
  { dependsOn: { jobs: failing, allowFailure: true } },
  words.praise,
  'to be',
  2,
);
const never = await queue.enqueueWith({ dependsOn: failing }, words.count, 'never counted');
console.log('waiting:', (await queue.counts()).deferred);

const worker = await bootWorker({
  queues: [queue.name],
  handlers: new URL('./handlers/words.js', import.meta.url),
});
console.log('whole:', await whole.result({ timeoutMs: 10_000 }));
for (const part of parts) console.log('part:', await part.result({ timeoutMs: 0 }));
console.log('anyway:', await anyway.result({ timeoutMs: 10_000 }));

const story = whole.events$.pipe(
  map(({ kind }) => kind),
  toArray(),
);
console.log('story:', (await lastValueFrom(story)).join(', '));

const { status, dependencyIds } = await never.fetch();
console.log('never:', status, dependencyIds[0] === failing.id);
// With what it waits for goes what waits for it.
await failing.delete({ deleteDependents: true });
console.log('waiting:', (await queue.counts()).deferred);

await worker.stop();
await rq.close();
