// @ts-check
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { installAndBuild } from './install-and-build.mjs';
import { provideRedis } from './provide-redis.mjs';
import { command, Refusal, root, run, say } from './running.mjs';

/** Runs every file directly in examples/ that is a program, each against the same Redis. */
await command(async () => {
  const directory = join(root, 'examples');
  const files = existsSync(directory) ? readdirSync(directory) : [];
  const programs = files.filter((file) => /\.m?[jt]s$/.test(file)).sort();
  if (programs.length === 0) throw new Refusal('There is no program in examples/ to run.');
  await installAndBuild();
  const { url } = await provideRedis();
  const failed = [];
  for (const program of programs) {
    say(`examples/${program}`);
    const runner = program.endsWith('ts') ? [join(root, 'node_modules/jiti/lib/jiti-cli.mjs')] : [];
    const { code } = await run(process.execPath, [...runner, join(directory, program)], {
      env: { REDIS_URL: url },
    });
    if (code !== 0) failed.push(program);
  }
  if (failed.length > 0) throw new Refusal(`FAILED: ${failed.join(', ')}`);
});
