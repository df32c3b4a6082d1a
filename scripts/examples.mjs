// @ts-check
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, parse } from 'node:path';
import { installAndBuild } from './install-and-build.mjs';
import { provideRedis } from './provide-redis.mjs';
import { command, Refusal, root, run, say } from './running.mjs';

const directory = join(root, 'examples');

/**
 * Runs every program directly in examples/, each against the same Redis, and compares what it prints with
 * the file of the same name that ends in `.out`.
 */
await command(async () => {
  const files = existsSync(directory) ? readdirSync(directory) : [];
  const programs = files.filter((file) => /\.m?[jt]s$/.test(file)).sort();
  if (programs.length === 0) throw new Refusal('There is no program in examples/ to run.');
  await installAndBuild();
  const { url } = await provideRedis();
  const failed = [];
  for (const program of programs) {
    say(`examples/${program}`);
    if (!(await prints(program, url))) failed.push(program);
  }
  if (failed.length > 0) throw new Refusal(`FAILED: ${failed.join(', ')}`);
});

/** @param {string} program @param {string} url */
async function prints(program, url) {
  const runner = program.endsWith('ts') ? [join(root, 'node_modules/jiti/lib/jiti-cli.mjs')] : [];
  // Of a Redis that keeps nothing on disk, as ours here, each worker says so.
  const args = ['--disable-warning=NotDurableError', ...runner, join(directory, program)];
  const { code, output } = await run(process.execPath, args, {
    env: { REDIS_URL: url },
    output: 'collect',
  });
  process.stdout.write(output);
  const expected = readFileSync(join(directory, `${parse(program).name}.out`), 'utf8');
  if (code !== 0) say(`it exited ${code}`);
  else if (output !== expected) say(`it was to print\n${expected}`);
  return code === 0 && output === expected;
}
