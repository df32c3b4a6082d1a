import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { endWithUs } from '../../scripts/guard.mjs';
import { docBlocks } from '../support/doc-blocks.js';
import { describeWithPython, pythonPath } from '../support/python.js';
import { type FreshRedis, freshRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const blocks = docBlocks('python.md');

describeWithPython('docs/python.md', ['2.12'], (version) => {
  const directory = mkdtempSync(join(tmpdir(), 'rxrq-docs-'));
  let redis: FreshRedis;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    redis = await freshRedis();
    // As for a reader who has installed both: the package, and the commands on the PATH.
    mkdirSync(join(directory, 'node_modules'));
    symlinkSync(root, join(directory, 'node_modules/rxrq'));
    const bin = join(directory, 'bin');
    mkdirSync(bin);
    const command = (name: string, line: string): void => {
      writeFileSync(join(bin, name), `#!/bin/sh\n${line}\n`);
      chmodSync(join(bin, name), 0o755);
    };
    command('python', `exec '${pythonPath(version)}' "$@"`);
    command('rq', `exec '${pythonPath(version)}' -m rq.cli "$@"`);
    command(
      'npx',
      `[ "$1" = rxrq ] && shift && exec '${process.execPath}' '${root}dist/cli/main.js' "$@"`,
    );
    env = {
      ...process.env,
      PATH: `${bin}${delimiter}${process.env.PATH}`,
      PYTHONPATH: directory,
      REDIS_URL: redis.url,
      RQ_REDIS_URL: redis.url,
    };
    for (const { language, file, code } of blocks)
      if (language === 'js' || language === 'python') writeFileSync(join(directory, file), code);
  });
  afterAll(async () => {
    await redis?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  // Those of the block before have taken themselves off the list.
  const registered = (): Promise<number> => redis.client.scard('rq:workers');

  /** Runs the lines of a block: workers beside the others, as in a terminal of their own. Gives back what the others print. */
  const run = async (code: string): Promise<string> => {
    const lines = code.trim().split('\n');
    const isWorker = (line: string): boolean => / worker /.test(line);
    const workers = lines.filter(isWorker).map((line) => {
      const child = spawn('sh', ['-c', `exec ${line}`], { cwd: directory, env, stdio: 'ignore' });
      const release = endWithUs(child.pid as number);
      const gone = once(child, 'exit').then(release);
      return { child, gone };
    });
    try {
      await until('the workers are up', async () => (await registered()) >= workers.length, {
        deadlineMs: 60_000,
      });
      let printed = '';
      for (const line of lines.filter((one) => !isWorker(one))) {
        const { stdout } = await promisify(execFile)('sh', ['-c', line], { cwd: directory, env });
        printed += stdout;
      }
      return printed;
    } finally {
      for (const { child } of workers) child.kill('SIGTERM');
      await Promise.all(workers.map(({ gone }) => gone));
    }
  };

  it('has code in every block that is run: each file is named, each command has its output', () => {
    for (const [at, { language, file, heading }] of blocks.entries()) {
      expect([heading, ['js', 'python', 'sh', ''].includes(language)]).toEqual([heading, true]);
      if (language === 'js' || language === 'python') expect(file).toMatch(/^\w+\.(mjs|py)$/);
      if (language === 'sh') expect([heading, blocks[at + 1]?.language]).toEqual([heading, '']);
    }
  });

  const commands = blocks
    .map((block, at) => ({ ...block, printed: blocks[at + 1]?.code ?? '' }))
    .filter(({ language }) => language === 'sh');

  // In their order: what is finished shows in the next.
  it.each(commands)(
    'runs the commands of "$heading"',
    async ({ code, printed }) => {
      expect(await run(code)).toBe(printed);
    },
    150_000,
  );

  it('the command line that is told beside the first does the same', async () => {
    const [, line] = /`(rxrq enqueue reports\.build [^`]*)`/.exec(await pageText()) ?? [];
    expect(await run(`npx ${line}`)).toMatch(/^[0-9a-f-]{36}\n$/);
  });
});

const pageText = async (): Promise<string> => {
  const { readFile } = await import('node:fs/promises');
  return readFile(new URL('../../docs/python.md', import.meta.url), 'utf8');
};
