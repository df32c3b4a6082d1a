// A loop that looks for input which takes a target where no input took it before: it changes those that did. What it keeps
// grows with each, so that it gets deeper than changes of the first ones do.
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { mutant, randomFrom } from '../security/corpus.js';
import { cpuMsOf, slowMs } from '../security/slow.js';
import { Reached } from './reached.js';

/** Given by scripts/fuzz.mjs, which bundles this file and the target. */
interface Plan {
  target: string;
  /** Where the code is that is to be reached. */
  code: string;
  /** File with inputs in base64, one a line; what reaches something new comes to it. */
  corpus: string;
  findings: string;
  seed: number;
  /** Whichever comes first. */
  seconds: number;
  runs: number;
}

const plan = JSON.parse(process.env.RXRQ_FUZZ ?? '') as Plan;
/** Asking V8 costs more than an input: it is asked once for so many, and which one it was is looked for after. */
const batchSize = 50;
const longestInput = 4_096;
/** Half of the inputs come of the last so many that reached something new: others are near. */
const newest = 8;
const hangMs = 20_000;
const say = (text: string): void => void process.stderr.write(`  ${text}\n`);

const reached = new Reached(pathToFileURL(plan.code).href);
const { fuzz } = (await import(pathToFileURL(plan.target).href)) as {
  fuzz(bytes: Buffer): unknown;
};
const corpus: Buffer[] = readFileSync(plan.corpus, 'utf8')
  .split('\n')
  .filter(Boolean)
  .map((line) => Buffer.from(line, 'base64'));

/** How many inputs are done: another thread looks whether it grows, for nothing of this one runs during a hang. */
const done = new Int32Array(new SharedArrayBuffer(4));
const underWay = join(plan.findings, 'under-way.txt');
new Worker(
  `const { done, hangMs } = require('node:worker_threads').workerData;
   let before = -1;
   setInterval(() => {
     const now = Atomics.load(done, 0);
     if (now === before) process.kill(process.pid, 'SIGKILL');
     before = now;
   }, hangMs);`,
  { eval: true, workerData: { done, hangMs } },
).unref();

const find = (input: Buffer, error: unknown): never => {
  const file = join(plan.findings, `${Date.now()}.txt`);
  writeFileSync(file, `${input.toString('base64')}\n`);
  say(`FOUND with seed ${plan.seed}, in ${file}: ${input.toString('hex').slice(0, 400)}`);
  say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.exit(1);
};

const run = async (input: Buffer): Promise<void> => {
  try {
    let answer: unknown;
    const tookMs = cpuMsOf(() => {
      answer = fuzz(input);
    });
    // Waiting costs a turn of the loop each time.
    if (answer instanceof Promise) await answer;
    if (tookMs > slowMs) find(input, `it took ${Math.round(tookMs)} ms of the processor`);
  } catch (error) {
    find(input, error);
  }
  Atomics.add(done, 0, 1);
};

const keep = (input: Buffer): void => {
  corpus.push(input);
  appendFileSync(plan.corpus, `${input.toString('base64')}\n`);
};

mkdirSync(plan.findings, { recursive: true });
for (const input of corpus) await run(input);
reached.learn();
say(`${corpus.length} inputs reach ${reached.characters} characters of code`);

const random = randomFrom(plan.seed);
const endMs = performance.now() + plan.seconds * 1_000;
let tried = 0;
let found = 0;
while (tried < plan.runs && performance.now() < endMs) {
  const batch = Array.from({ length: Math.min(batchSize, plan.runs - tried) }, () =>
    mutant(random, random(2) === 0 ? corpus : corpus.slice(-newest)).subarray(0, longestInput),
  );
  writeFileSync(underWay, batch.map((input) => `${input.toString('base64')}\n`).join(''));
  for (const input of batch) await run(input);
  tried += batch.length;
  if (!reached.hasNew()) continue;
  for (const input of batch) {
    await run(input);
    if (!reached.learn()) continue;
    found += 1;
    keep(input);
  }
}
rmSync(underWay);
say(`${tried} tried; ${found} of them reached something new: ${reached.characters} characters now`);
reached.close();
