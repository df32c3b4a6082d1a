// @ts-check
import { installAndBuild } from './install-and-build.mjs';
import { jest } from './jest.mjs';
import { endLeftovers, mark } from './leftovers.mjs';
import { providePythonRq } from './provide-python-rq.mjs';
import { provideRedis, requireNewRedisBinary } from './provide-redis.mjs';
import { command, Refusal, root, run, say, whenDone } from './running.mjs';
import { requireEmpty } from './test-databases.mjs';

// `npm test` checks everything; `npm test -- <jest arguments>` and `npm run test:jest` run jest only.
const jestArguments = process.argv.slice(2).filter((argument) => argument !== '--jest-only');
const isJestOnly = process.argv.length > 2;
// More than the cores of a small machine: most tests wait for other processes, or for time to pass.
const workers = 3;

/** @type {{ name: string, args: string[] }[]} */
const checks = [
  { name: 'lint', args: ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings'] },
  {
    name: 'typecheck',
    args: ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.test.json'],
  },
  { name: 'deps', args: ['scripts/deps.mjs'] },
];

await command(async () => {
  whenDone(() => endLeftovers({ patienceMs: 1_000 }));
  await installAndBuild();
  // One after the other: both may need apt-get, which serves one at a time.
  const redis = await provideRedis();
  await requireNewRedisBinary();
  const python = await providePythonRq();
  if (!redis.isOurs) await requireEmpty(redis.url, workers);

  /** @type {string[]} */ const failed = [];
  for (const { name, args } of isJestOnly ? [] : checks) {
    if (!(await passes(name, args, {}))) failed.push(name);
  }
  const env = { ...python, ...mark, REDIS_URL: redis.url, NODE_OPTIONS: undefined };
  const args = jest(root, [`--maxWorkers=${workers}`, ...jestArguments]);
  if (!(await passes('jest', args, env))) failed.push('jest');

  const leftovers = await endLeftovers();
  if (leftovers.length > 0) {
    failed.push(`these processes outlived the tests and were killed:\n${leftovers.join('\n')}\n`);
  }
  if (failed.length > 0) throw new Refusal(`FAILED: ${failed.join(', ')}`);
  say('all passed');
});

/** @param {string} name @param {string[]} args @param {Record<string, string | undefined>} env */
async function passes(name, args, env) {
  say(name);
  const startedAt = performance.now();
  const { code } = await run(process.execPath, args, { env });
  say(`${name} ${code === 0 ? 'passed' : 'FAILED'} after ${seconds(startedAt)} s`);
  return code === 0;
}

/** @param {number} since */
function seconds(since) {
  return ((performance.now() - since) / 1_000).toFixed(1);
}
