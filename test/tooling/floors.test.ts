import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from '@jest/globals';

// A rule that is never broken may as well be one that cannot be: here each of them is, once.

const root = fileURLToPath(new URL('../..', import.meta.url));
mkdirSync(join(root, '.cache'), { recursive: true });
// Inside the checkout, where its packages are found.
const house = mkdtempSync(join(root, '.cache/floors-'));
afterAll(() => rmSync(house, { recursive: true, force: true }));

const soundHouse = {
  'src/redis/keys.ts': `export const keys = 1;`,
  'src/redis/store.ts': `import { Redis } from 'ioredis'; import { keys } from './keys.js'; export const store = [Redis, keys];`,
  'src/streams/queue.ts': `import { of } from 'rxjs'; import { store } from '../redis/store.js'; export const queue = of(store);`,
  'src/actors/worker.ts': `import { queue } from '../streams/queue.js'; export const worker = queue;`,
  'src/boot/boot.ts': `import { container } from 'tsyringe'; import { worker } from '../actors/worker.js'; export const boot = [container, worker];`,
  'src/cli/main.ts': `import { boot } from '../boot/boot.js'; boot.pop();`,
  'src/index.ts': `export * from './boot/boot.js';`,
  'dist/tasks.js': `import 'node:fs'; import './child.js';`,
  'dist/child.js': `export {};`,
};

const brokenRules: [rule: string, file: string, content: string][] = [
  ['redis-is-the-ground', 'src/redis/a.ts', `export * from '../streams/queue.js';`],
  ['redis-is-the-ground', 'src/redis/b.ts', `export type { worker } from '../actors/worker.js';`],
  ['rx-starts-at-streams', 'src/redis/c.ts', `export type { Observable } from 'rxjs';`],
  ['rx-starts-at-streams', 'src/redis/d.ts', `export * from 'rxjs/operators';`],
  ['streams-below-actors', 'src/streams/a.ts', `export * from '../actors/worker.js';`],
  ['nothing-below-imports-the-roof', 'src/actors/a.ts', `export * from '../boot/boot.js';`],
  ['nothing-below-imports-the-roof', 'src/tasks.ts', `export * from './index.js';`],
  ['cli-is-the-top', 'src/boot/a.ts', `import '../cli/main.js';`],
  ['container-only-in-boot', 'src/actors/b.ts', `export { container } from 'tsyringe';`],
  ['container-only-in-boot', 'src/cli/a.ts', `import 'reflect-metadata';`],
  ['no-orphans', 'src/actors/c.ts', `export const forgotten = 1;`],
  ['only-declared-packages', 'src/actors/d.ts', `export * from 'fast-check';`],
  ['no-unresolvable', 'src/actors/e.ts', `export * from './nowhere.js';`],
  ['no-circular', 'src/actors/f.ts', `export * from './g.js';`],
  ['light-start', 'dist/child.js', `import 'ioredis';`],
  ['light-start', 'dist/child.js', `import('rxjs');`],
];

describe('the floors', () => {
  it('hold a sound house', () => {
    expect(violations(soundHouse, ['src', 'dist/tasks.js'])).toEqual([]);
  });

  it('name every broken rule and who broke it', () => {
    const broken: Record<string, string> = {
      ...soundHouse,
      'src/actors/g.ts': `export * from './f.js';`,
    };
    const ofSrc = brokenRules.filter(([, file]) => file.startsWith('src'));
    for (const [, file, content] of ofSrc) broken[file] = content;
    const found = violations(broken, ['src']);
    for (const [rule, file] of ofSrc) expect(found).toContain(`${rule}: ${file}`);
  });

  it.each(brokenRules.filter(([, file]) => file.startsWith('dist')))(
    '%s: %s',
    (rule, file, content) => {
      const found = violations({ ...soundHouse, [file]: content }, ['dist/tasks.js']);
      expect(found).toEqual([`${rule}: ${file}`]);
    },
  );
});

function violations(files: Record<string, string>, entries: string[]): string[] {
  rmSync(house, { recursive: true, force: true });
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(dirname(join(house, file)), { recursive: true });
    writeFileSync(join(house, file), content);
  }
  for (const file of ['package.json', 'tsconfig.json', '.dependency-cruiser.cjs']) {
    copyFileSync(join(root, file), join(house, file));
  }
  const cruiser = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const args = ['--config', '.dependency-cruiser.cjs', '--output-type', 'json', ...entries];
  const { stdout, stderr } = spawnSync(process.execPath, [cruiser, ...args], {
    cwd: house,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (stdout === '') throw new Error(stderr);
  const { violations: found } = JSON.parse(stdout).summary as {
    violations: { from: string; rule: { name: string } }[];
  };
  return found.map(({ rule, from }) => `${rule.name}: ${from}`);
}
