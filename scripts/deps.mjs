// @ts-check
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './install-and-build.mjs';
import { command, Refusal, root, run } from './running.mjs';

/**
 * What must start light. It is followed through the compiled files, where imports of types are gone.
 * Whoever moves one of these files moves its name here: a rule about nothing checks nothing.
 */
const lightEntries = ['actors/executor/child-main', 'tasks'];

await command(async () => {
  for (const entry of lightEntries) {
    if (!existsSync(join(root, `src/${entry}.ts`))) {
      throw new Refusal(`src/${entry}.ts is gone: say in scripts/deps.mjs what must start light.`);
    }
  }
  await build();
  const floors = await cruise(['src']);
  const lightness = await cruise(lightEntries.map((entry) => `dist/${entry}.js`));
  return floors || lightness;
});

/** @param {string[]} entries */
async function cruise(entries) {
  const cruiser = 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs';
  const config = ['--config', '.dependency-cruiser.cjs'];
  const { code } = await run(process.execPath, [cruiser, ...config, ...entries]);
  return code;
}
