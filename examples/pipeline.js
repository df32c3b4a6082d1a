// @ts-check
// Two queues, the results of the first becoming the jobs of the second. It may be killed at any moment and
// started again: each result becomes its job exactly once.

import { concatMap, filter, firstValueFrom, map, take, toArray } from 'rxjs';
import { bootWorker, Rq } from 'rxrq';
import { words } from './handlers/words.js';

/** @typedef {{ text: string, count: number }} Measured */

const rq = new Rq();
const texts = rq.queue('example-texts');
const praise = rq.queue('example-praise');
const worker = await bootWorker({
  // The last stage first: what is nearly done leaves before more comes in.
  queues: [praise.name, texts.name],
  handlers: new URL('./handlers/words.js', import.meta.url),
});

const pipeline = texts.pipeline({
  // Its place in the log of the first queue is kept in Redis under this name.
  name: 'example-pipeline',
  to: praise,
  call: words.praise,
  // Any operators: from a result to the arguments of the next call.
  through: (/** @type {import('rxjs').Observable<import('rxrq').Result<Measured>>} */ result$) =>
    result$.pipe(
      filter(({ value }) => value.count > 3),
      map(({ value }) => /** @type {[string, number]} */ ([value.text, value.count])),
    ),
});

// It emits each job that it made, and runs for as long as somebody is subscribed to it.
const results = firstValueFrom(
  pipeline.pipe(
    take(2),
    concatMap((job) => job.result({ timeoutMs: 10_000 })),
    toArray(),
  ),
);

await texts.enqueueMany(
  ['to be or not to be', 'so be it', 'a rose is a rose'].map((text) => ({
    name: words.measure,
    args: [text],
  })),
);
for (const line of await results) console.log(line);

await worker.stop();
await rq.close();
