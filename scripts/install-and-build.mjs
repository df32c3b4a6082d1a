// @ts-check
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { install } from './install.mjs';
import { Refusal, root, run, say } from './running.mjs';

const src = join(root, 'src');
const dist = join(root, 'dist');
const bundled = join(dist, 'executor');
const stamp = join(root, '.cache/build/stamp');
const buildInfo = join(root, '.cache/build/tsconfig.tsbuildinfo');

/** What every command needs first: node_modules as the lock file says, and dist as src says. */
export async function installAndBuild() {
  await install(root);
  await build();
}

/**
 * Compiles src into dist, with the Lua files beside what loads them and without leftovers of sources
 * that are gone. Does nothing when dist is already made of these sources.
 *
 * @throws {Refusal} when the compiler found an error
 */
export async function build() {
  const sources = hashOfSources();
  const isUntouched = isOnlyOurs();
  if (isUntouched && readFileSync(stamp, 'utf8') === sources) return;
  // The compiler trusts its notes of what it emitted; after a foreign hand in dist they are wrong.
  if (!isUntouched) rmSync(buildInfo, { force: true });
  rmSync(stamp, { force: true });
  say('building dist');
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const incremental = ['--incremental', '--tsBuildInfoFile', buildInfo];
  const { code } = await run(process.execPath, [compiler, '-p', root, ...incremental]);
  removeLeftovers();
  copyLua();
  makeBinExecutable();
  if (code !== 0) throw new Refusal('The compiler found errors.');
  await bundleExecutor();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, sources);
}

function hashOfSources() {
  const hash = createHash('sha256');
  const inputs = ['tsconfig.json', 'package.json', 'package-lock.json'].map((f) => join(root, f));
  for (const file of [...inputs, ...filesUnder(src)]) hash.update(file).update(readFileSync(file));
  return hash.digest('hex');
}

/** False when dist is not there, or somebody else (a bare `tsc`) has written into it since our last build. */
function isOnlyOurs() {
  if (!existsSync(stamp) || !existsSync(dist)) return false;
  const builtAt = statSync(stamp).mtimeMs;
  return filesUnder(dist).every((file) => statSync(file).mtimeMs <= builtAt);
}

/**
 * What every executor child loads, once more as two files: each module file costs a start about a
 * millisecond, and a child has forty of them.
 */
async function bundleExecutor() {
  const { build: bundle } = await import('esbuild');
  await bundle({
    entryPoints: [
      join(dist, 'actors/executor/child-main.js'),
      join(dist, 'boot/executor-runtime.js'),
    ],
    outdir: bundled,
    entryNames: '[name]',
    chunkNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    // The user's own modules import these too, and must meet the same copy.
    external: ['tsyringe', 'reflect-metadata', 'jiti'],
    logLevel: 'warning',
  });
}

function removeLeftovers() {
  rmSync(bundled, { recursive: true, force: true });
  for (const file of filesUnder(dist)) {
    const source = join(src, file.slice(dist.length)).replace(/(\.d\.ts|\.js)$/, '.ts');
    if (!existsSync(source)) rmSync(file);
  }
}

function copyLua() {
  for (const file of filesUnder(src)) {
    if (!file.endsWith('.lua')) continue;
    const copy = join(dist, file.slice(src.length));
    mkdirSync(dirname(copy), { recursive: true });
    copyFileSync(file, copy);
  }
}

function makeBinExecutable() {
  const { bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  for (const file of Object.values(bin)) {
    const path = join(root, file);
    if (existsSync(path)) chmodSync(path, 0o755);
  }
}

/** @param {string} directory @returns {string[]} */
function filesUnder(directory) {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
