// @ts-check
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { installAndBuild } from './install-and-build.mjs';
import { provideRedis } from './provide-redis.mjs';
import { command, Refusal, root, run } from './running.mjs';

await command(async () => {
  const demo = join(root, 'examples/demo/main.js');
  if (!existsSync(demo)) throw new Refusal('There is no examples/demo/main.js to run.');
  await installAndBuild();
  const { url } = await provideRedis();
  const { code } = await run(process.execPath, [demo, ...process.argv.slice(2)], {
    env: { REDIS_URL: url },
  });
  return code;
});
