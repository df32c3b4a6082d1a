import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runCommandLine } from '../../src/cli/program.js';
import { type FreshRedis, freshRedis } from '../support/redis.js';
import { fakeTerminal } from './support/fake-io.js';

let redis: FreshRedis;
let folder: string;
beforeAll(async () => {
  redis = await freshRedis();
  folder = mkdtempSync(join(tmpdir(), 'rxrq-output-'));
});
afterAll(async () => {
  await redis.close();
  rmSync(folder, { recursive: true });
});

const bin = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** Runs `rxrq info` in a shell that sends its output there. */
const info = (where: string) => {
  const line = `{ "$0" "$1" info --url "$2"; echo "ended with $?" >&2; } ${where}`;
  const { stdout, stderr } = spawnSync('sh', ['-c', line, process.execPath, bin, redis.url], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return { stdout, stderr };
};

describe('a command that cannot say what it has to say', () => {
  it('fails where stdout takes nothing, and says so', () => {
    const { stderr } = info('> /dev/full');
    expect(stderr).toMatch(/^error: stdout takes no more: ENOSPC.*\nended with 1\n$/);
  });

  it('ends without a word where its reader has gone', () => {
    expect(info('| :')).toEqual({ stdout: '', stderr: 'ended with 0\n' });
  });

  it('fails where it waits for what cannot come any more', () => {
    writeFileSync(
      join(folder, 'rxrq.config.mjs'),
      'await new Promise(() => undefined);\nexport default {};\n',
    );
    expect(info('')).toEqual({
      stdout: '',
      stderr: 'error: the command waits for something that cannot come any more\nended with 1\n',
    });
  });

  it('names an error that has no message: where several addresses refuse, that of Node has none', async () => {
    const io = fakeTerminal({}, null, folder);
    io.out = () => {
      throw Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' });
    };
    rmSync(join(folder, 'rxrq.config.mjs'), { force: true });
    expect(await runCommandLine(['config'], io)).not.toBe(0);
    expect(io.stderr).toBe('error: ECONNREFUSED\n');
  });
});
