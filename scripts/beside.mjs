// @ts-check
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { install } from './install.mjs';
import { Refusal, root, run, say } from './running.mjs';

// `npm run beside -- REVISION`: the kill loop with the workers and producers of two builds on one Redis, this tree's and that
// of an earlier revision. So it is for whoever does not replace all processes at once; before each release, with the last one.
const [revision = ''] = process.argv.slice(2);
try {
  process.env.RXRQ_BESIDE = await buildOf(revision);
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  say(error.message);
  process.exit(1);
}
process.env.RXRQ_KILLS ??= '200';
process.argv = [...process.argv.slice(0, 2), 'test/faults/kill-loop'];
await import('./test.mjs');

/** The directory of a whole tree of that revision, built; made once. @param {string} revision */
async function buildOf(revision) {
  const { code, output } = await run('git', ['rev-parse', '--verify', `${revision}^{commit}`], {
    cwd: root,
    output: 'collect',
  });
  const commit = output.trim();
  if (code !== 0)
    throw new Refusal(`usage: npm run beside -- REVISION; git knows none ${revision}`);
  const tree = join(root, '.cache/beside', commit);
  if (existsSync(tree)) return tree;
  say(`building ${commit}`);
  const draft = `${tree}.draft`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true });
  const archive = join(draft, 'tree.tar');
  await must('git', ['archive', '--output', archive, commit], root);
  await must('tar', ['-xf', archive], draft);
  await install(draft);
  await must(process.execPath, ['scripts/build.mjs'], draft);
  renameSync(draft, tree);
  return tree;
}

/** @param {string} file @param {string[]} args @param {string} cwd */
async function must(file, args, cwd) {
  const { code } = await run(file, args, { cwd });
  if (code !== 0) throw new Refusal(`${file} ${args.join(' ')} ended with ${code}`);
}
