import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';

const script = fileURLToPath(new URL('../../scripts/advisories.mjs', import.meta.url));

/** With an npm that answers this. */
const advisories = async (answer: string): Promise<{ code: number | null; said: string }> => {
  const bin = mkdtempSync(join(tmpdir(), 'rxrq-npm-'));
  writeFileSync(
    join(bin, 'npm'),
    `#!/bin/sh\ncat <<'END'\n${answer}\nEND\necho 'npm warn audit' >&2\n`,
  );
  chmodSync(join(bin, 'npm'), 0o755);
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` };
  try {
    return await new Promise((resolve) => {
      const child = execFile(process.execPath, [script], { env }, (_, __, said) =>
        resolve({ code: child.exitCode, said }),
      );
    });
  } finally {
    rmSync(bin, { recursive: true });
  }
};

const metadata = { dependencies: { prod: 27 } };
const vulnerable = { ioredis: { name: 'ioredis', severity: 'high', range: '<6' } };

it.each([
  ['nothing is known against anything', { vulnerabilities: {}, metadata }, 0, '0 of 27'],
  ['one has an advisory', { vulnerabilities: vulnerable, metadata }, 1, 'high: ioredis <6'],
  ['the registry does not answer', { statusCode: 405, error: {} }, 2, 'NOTHING IS KNOWN'],
])('S29: %s', async (_, answer, code, text) => {
  const { code: ended, said } = await advisories(JSON.stringify(answer, null, 2));
  expect([ended, said]).toEqual([code, expect.stringContaining(text)]);
});
