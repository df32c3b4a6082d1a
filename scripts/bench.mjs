// @ts-check
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { install } from './install.mjs';
import { installAndBuild } from './install-and-build.mjs';
import { providePrivateRedis } from './provide-redis.mjs';
import { command, Refusal, root, run } from './running.mjs';

await command(async () => {
  const bench = join(root, 'bench');
  const program = join(bench, 'run.mjs');
  if (!existsSync(program)) throw new Refusal('There is no bench/run.mjs to run.');
  await installAndBuild();
  await install(bench);
  // Always private: it is flushed between runs, and a shared server measures its other guests.
  const url = await providePrivateRedis();
  const { code } = await run(process.execPath, [program, ...process.argv.slice(2)], {
    cwd: bench,
    env: { REDIS_URL: url },
  });
  return code;
});
