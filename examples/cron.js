// @ts-check
// Two cron processes with the same entries: each tick is enqueued once.
import { take, toArray } from 'rxjs';
import { bootCron, bootWorker, defineCron, Rq } from 'rxrq';
import { words } from './handlers/words.js';

const rq = new Rq();
const queue = rq.queue('example-cron');
const results = new Promise((resolve) => {
  queue.results$.pipe(take(3), toArray()).subscribe(resolve);
});

const entries = defineCron([
  {
    task: words.count,
    args: ['to be or not to be'],
    queue: queue.name,
    cron: '* * * * * *',
  },
]);
/** @type {import('rxrq').CronEnqueued[]} */
const ticks = [];
const on = {
  /** @param {import('rxrq').CronEnqueued} tick */
  onEnqueued: (tick) => ticks.push(tick),
};
const first = await bootCron({ entries, on });
const second = await bootCron({ entries, on });
const worker = await bootWorker({
  queues: [queue.name],
  handlers: new URL('./handlers/words.js', import.meta.url),
});

const values = /** @type {import('rxrq').ResultEvent<number>[]} */ (await results);
console.log(
  'results:',
  values.map((result) => (result.kind === 'result' ? result.value : result.kind)),
);
const [scheduler] = await rq.cronSchedulers();
console.log('entry:', scheduler?.entries[0]?.name, scheduler?.entries[0]?.cron);

await first.stop();
await second.stop();
const dues = new Set(ticks.map(({ due }) => due.getTime()));
console.log('each second once:', dues.size === ticks.length);
const history = await rq.cronJobIds('words.count');
console.log(
  'in the history:',
  ticks.every(({ jobId }) => history.includes(jobId)),
);

await worker.stop();
await queue.empty();
await rq.close();
