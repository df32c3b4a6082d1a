// @ts-check
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { installAndBuild } from './install-and-build.mjs';
import { command, Refusal, root, run, say } from './running.mjs';

// `npm run fuzz -- --minutes 10`: looks for input that takes the readers of payloads and of records where none took them
// before, and for some that makes them throw, hang, or answer what they would not write. The same seed and `--runs`
// give the same inputs. What it found worth keeping stays in .cache/fuzz for the next run; `--keep` moves it into the corpus of the tests.
const readers = ['payloads', 'records'];
const targets = [...readers, 'planted'];
const place = join(root, '.cache/fuzz');
const dist = join(root, 'dist/');

await command(async () => {
  const { minutes, runs, seed, only, isFresh, isKept } = options();
  await installAndBuild();
  mkdirSync(place, { recursive: true });
  await bundle(['loop', ...only]);
  for (const target of only) {
    const kept = join(root, `test/fuzz/corpus/${target}.txt`);
    const corpus = join(place, `${target}.txt`);
    if (isFresh || !existsSync(corpus)) copyFileSync(kept, corpus);
    say(`${target}: seed ${seed}, ${minutes / only.length} min`);
    const plan = {
      target: join(place, `${target}.mjs`),
      code: target === 'planted' ? join(place, 'planted.mjs') : dist,
      corpus,
      findings: join(place, `${target}-findings`),
      seed,
      seconds: (minutes * 60) / only.length,
      runs,
    };
    const { code } = await run(process.execPath, [join(place, 'loop.mjs')], {
      env: { RXRQ_FUZZ: JSON.stringify(plan), NODE_OPTIONS: '--max-old-space-size=512' },
    });
    if (code !== 0)
      throw new Refusal(
        `${target}: a finding, in ${plan.findings}. After a kill it is one of those under way there.`,
      );
    if (isKept) copyFileSync(corpus, kept);
  }
});

function options() {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '10' },
      runs: { type: 'string' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
      only: { type: 'string', multiple: true, default: readers },
      fresh: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
    },
  });
  const minutes = Number(values.minutes);
  const runs = values.runs === undefined ? Number.MAX_SAFE_INTEGER : Number(values.runs);
  const seed = Number(values.seed);
  const isKnown = values.only.every((target) => targets.includes(target));
  if (!(minutes > 0) || !(runs > 0) || !Number.isSafeInteger(seed) || !isKnown)
    throw new Refusal(
      `usage: npm run fuzz -- [--minutes N] [--runs N] [--seed N] [--only ${targets.join('|')}] [--fresh] [--keep]`,
    );
  const { only, fresh: isFresh, keep: isKept } = values;
  return { minutes, runs, seed, only, isFresh, isKept };
}

/** What they import of `src` is what is shipped: the same file in `dist`, as in the other tests. */
async function bundle(/** @type {string[]} */ names) {
  const { build } = await import('esbuild');
  await build({
    entryPoints: names.map((name) => join(root, `test/fuzz/${name}.ts`)),
    outdir: place,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'warning',
    plugins: [
      {
        name: 'dist',
        setup: ({ onResolve }) =>
          onResolve({ filter: /^(\.\.\/)+src\// }, ({ path }) => ({
            path: join(dist, path.replace(/^(\.\.\/)+src\//, '')),
            external: true,
          })),
      },
    ],
  });
}
