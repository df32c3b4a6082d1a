import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

// What a user gets: the packed files, installed into an empty project with their own dependencies.

const root = fileURLToPath(new URL('../..', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'rxrq-package-'));
const project = join(directory, 'project');
const installed = join(project, 'node_modules/rxrq');
let tarball = '';

beforeAll(async () => {
  // Without scripts: dist is built by now, and these tests are about the one that the others ran.
  const packing = ['pack', '--json', '--ignore-scripts', '--pack-destination', directory];
  const [packed] = JSON.parse(await exec('npm', packing, root));
  tarball = join(directory, packed.filename);
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{ "name": "empty", "private": true }');
  const install = ['install', '--prefer-offline', '--no-audit', '--no-fund', tarball];
  await exec('npm', install, project);
}, 120_000);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('the package', () => {
  it.each(['rxrq', 'rxrq/tasks'])(
    'gives the same names to import and to require of %s',
    async (door) => {
      const imported = await namesOf('esm.mjs', `import * as door from '${door}';`);
      const required = await namesOf('cjs.cjs', `const door = require('${door}');`);
      expect(imported).toContain('defineTasks');
      expect(required).toEqual(imported);
    },
  );

  it('holds every Lua file of the sources', () => {
    const written = luaFilesIn(join(root, 'src'));
    expect(written.length).toBeGreaterThan(0);
    expect(luaFilesIn(join(installed, 'dist'))).toEqual(written);
  });

  it('holds what is meant for its users, and nothing of the workshop', () => {
    // What is started as a process of its own, nothing imports.
    const entries = ['executor/child-main.js', 'actors/executor/warden-main.js'];
    const files = ['README.md', 'SECURITY.md', 'LICENSE', 'package.json', 'dist/index.d.ts'];
    for (const file of [...files, ...entries.map((entry) => `dist/${entry}`)]) {
      expect([file, existsSync(join(installed, file))]).toEqual([file, true]);
    }
    for (const file of ['src', 'test', 'scripts', 'bench', 'node_modules']) {
      expect([file, existsSync(join(installed, file))]).toEqual([file, false]);
    }
  });

  it('brings the rxrq command', async () => {
    expect(await exec(join(project, 'node_modules/.bin/rxrq'), ['--help'], project)).toContain(
      'worker',
    );
  });

  it('is clean to publint', async () => {
    const cli = join(root, 'node_modules/publint/src/cli.js');
    expect(await node([cli, '--strict', tarball], root)).toContain('All good!');
  });

  it('has types that every kind of ESM-capable resolution finds', async () => {
    const cli = join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js');
    const options = ['--profile', 'esm-only', '--exclude-entrypoints', './package.json'];
    // Its exit code is the answer; by default it would also ask the registry for @types.
    await node([cli, tarball, ...options, '--no-definitely-typed'], root);
  }, 60_000);
});

async function namesOf(file: string, load: string): Promise<string[]> {
  const path = join(project, file);
  const names = `Object.keys(door).filter((name) => name !== 'module.exports' && name !== '__esModule')`;
  writeFileSync(path, `${load}\nconsole.log(JSON.stringify(${names}.sort()));\n`);
  return JSON.parse(await node([path], project));
}

function luaFilesIn(directory: string): string[] {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.lua')).sort();
}

function node(args: readonly string[], cwd: string): Promise<string> {
  return exec(process.execPath, args, cwd);
}

/** Rejects with all that the program wrote, when it fails. */
async function exec(program: string, args: readonly string[], cwd: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(program, [...args], { cwd });
    return stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`${program} ${args.join(' ')}\n${stdout}${stderr}`, { cause: error });
  }
}
