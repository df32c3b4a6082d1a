// @ts-check
// The demo, started by `npm run demo`: counts the words at URLs, as RQ's own first example does, while
// pages are missing, pages hang, and an executor is killed. It ends by itself, with sums that must add up.

import { filter, firstValueFrom, share, tap } from 'rxjs';
import { bootWorker, ofKind, Rq } from 'rxrq';
import { rankWords } from './rank-words.js';
import { colours, Screen } from './screen.js';
import { Site } from './site.js';
import { Summary } from './summary.js';
import { processIn, Tally } from './tally.js';

const pages = Array.from({ length: 300 }, (_, n) => `/page/${n + 1}`);
const missing = new Set(['/page/41', '/page/107', '/page/113', '/page/188', '/page/251']);
const hanging = new Set(['/page/64', '/page/155', '/page/232']);
const longRead = '/long-read';
/** What goes through the pipeline. */
const ranked = pages.slice(0, 40);
const options = { timeoutSeconds: 2, retry: { max: 1 } };

const screen = new Screen();
const tally = new Tally();
const site = new Site({ missing, hanging });
const rq = new Rq();
const urgent = rq.queue('demo-urgent');
const ordinary = rq.queue('demo-pages');
/** Pages by the id of their job. @type {Map<string, string>} */
const pathOf = new Map();

await site.open();
// Jobs of a demo that was interrupted; on a Redis of its own there are none.
await Promise.all([urgent.empty(), ordinary.empty()]);
for (const { id, origin } of await rq.failedQueue.jobs()) {
  if (origin === urgent.name || origin === ordinary.name) await rq.queue(origin).job(id).delete();
}

// The stream is ready before the first job is enqueued, so it tells the story from its first word.
const events$ = (await rq.events([urgent.name, ordinary.name]).ready()).pipe(
  tap((event) => tally.add(event)),
  share(),
);
events$.subscribe(tell);

screen.scene('1. A worker boots from a container, with four forked executors');
const worker = await bootWorker({
  queues: [urgent.name, ordinary.name],
  handlers: new URL('./handlers.js', import.meta.url),
  container: new URL('./container.js', import.meta.url),
  concurrency: 4,
  killGraceMs: 1_000,
  on: {
    onTrouble: (error) =>
      screen.line(colours.yellow(`  ! ${/** @type {Error} */ (error).message}`)),
  },
});
screen.line(`  ${worker.name} runs ${worker.handlers.join(', ')}`);
// Ctrl-C stops the worker; without it nothing below would ever come true.
let isDone = false;
const leave = () => isDone || process.exit(130);
worker.done.then(leave, leave);

screen.scene(`2. ${pages.length} pages, every tenth of them urgent: the urgent queue goes first`);
screen.expect('pages', pages.length + 1);
const isUrgent = (/** @type {string} */ path) => path.endsWith('7');
const jobs = [
  ...(await enqueue(
    ordinary,
    pages.filter((path) => !isUrgent(path)),
  )),
  ...(await enqueue(urgent, pages.filter(isUrgent))),
];
await until(() => tally.finished.size >= 100);

screen.line(`  … the executor that reads ${longRead} is killed in the middle of it`);
const killed = firstValueFrom(
  events$.pipe(
    ofKind('logged'),
    filter(({ jobId }) => pathOf.get(jobId) === longRead),
  ),
).then((event) => process.kill(processIn(event), 'SIGKILL'));
jobs.push(...(await enqueue(urgent, [longRead])));
await killed;
await until(() => tally.ended === jobs.length);
screen.end();
const failed = await rq.failedQueue.jobs();
const ours = failed.filter(({ id }) => pathOf.has(id));

screen.scene('3. Somebody repairs the site, and the FailedQueue is requeued');
site.repair();
screen.expect('pages', jobs.length);
const requeued = await rq.failedQueue.requeueWhere(({ id }) => pathOf.has(id));
screen.line(`  ${requeued} jobs go back to the queues they came from`);
await until(() => tally.finished.size === jobs.length);
screen.end();

screen.scene('4. A pipeline of three queues: fetch, count, rank');
screen.expect('pages ranked', ranked.length);
const pipeline = await rankWords(
  rq,
  ranked.map((path) => site.origin + path),
  (done) => screen.progress(done),
);
screen.end();
screen.line(
  `  ${pipeline.top.map(([word, times]) => `${word} ${colours.dim(String(times))}`).join('  ')}`,
);

screen.scene('5. The worker stops, and the sums');
isDone = true;
const counts = await Promise.all([urgent.counts(), ordinary.counts()]);
const words = await Promise.all(jobs.map((job) => job.result({ timeoutMs: 5_000 })));
await worker.stop();
await rq.close();
await site.close();

const sum = (/** @type {number[]} */ numbers) => numbers.reduce((total, n) => total + n, 0);
const wordsOf = (/** @type {string} */ path) => Site.textOf(path).split(/\s+/).length;
const summary = new Summary();
summary.check('jobs finished', pages.length + 1, tally.finished.size);
summary.check(
  'of them more than once',
  0,
  [...tally.finished.values()].filter((n) => n > 1).length,
);
summary.check('words counted', sum([...pages, longRead].map(wordsOf)), sum(words));
summary.check('jobs in the FailedQueue, then', missing.size + hanging.size, ours.length);
summary.check('requeued from it', ours.length, requeued);
summary.check(
  'failed attempts = retried + quarantined',
  tally.count('retried') + tally.count('quarantined'),
  tally.count('failed'),
);
summary.check(
  'jobs left anywhere',
  0,
  sum(counts.map(({ queued, started, failed }) => queued + started + failed)),
);
summary.check('pages ranked', ranked.length, pipeline.ranked);
summary.check('executors still alive', 0, [...tally.processes].filter(isAlive).length);
process.stdout.write(`${summary}\n`);
process.exitCode = summary.addsUp ? 0 : 1;

/** @param {import('rxrq').Queue} queue @param {string[]} paths */
async function enqueue(queue, paths) {
  const made = await queue.enqueueMany(
    paths.map((path) => ({ name: 'WordCounter.count', args: [site.origin + path], options })),
  );
  for (const [index, { id }] of made.entries()) pathOf.set(id, paths[index] ?? '');
  return /** @type {import('rxrq').Job<number>[]} */ (made);
}

/** Waits for a fact that the tally knows. @param {() => boolean} isTrue */
async function until(isTrue) {
  if (!isTrue()) await firstValueFrom(events$.pipe(filter(isTrue)));
}

/** Says what is worth a line; the rest moves the bar. @param {import('rxrq').LogEvent} event */
function tell(event) {
  const path = event.kind === 'gap' ? '' : (pathOf.get(event.jobId) ?? event.jobId);
  if (event.kind === 'failed')
    screen.line(`  ${colours.yellow('failed')}       ${path}: ${event.reason}`);
  if (event.kind === 'retried') screen.line(`  ${colours.cyan('retried')}      ${path}`);
  if (event.kind === 'quarantined') screen.line(`  ${colours.red('quarantined')}  ${path}`);
  if (event.kind === 'handedBack') screen.line(`  handed back  ${path}: ${event.reason}`);
  screen.progress(tally.finished.size);
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
