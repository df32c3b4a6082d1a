import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const script = fileURLToPath(new URL('../../scripts/fuzz.mjs', import.meta.url));

/** Always the same inputs: those of `npm run fuzz` are others each time. */
const fuzz = (only: string, runs: number): Promise<{ code: number; said: string }> =>
  new Promise((resolve) => {
    const args = [script, '--fresh', '--seed', '1', '--only', only, '--runs', String(runs)];
    const child = execFile(process.execPath, args, (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, said: stdout + stderr }),
    );
  });

describe('the search for input that nobody thought of', () => {
  it.each(['payloads', 'records'])(
    'finds nothing in the readers of %s',
    async (target) => {
      const { code, said } = await fuzz(target, 3_000);
      expect(said).toMatch(/3000 tried; [1-9]\d* of them reached something new/);
      expect([code, said]).toEqual([0, said]);
    },
    60_000,
  );

  it('finds what is hidden behind four doors, one after the other', async () => {
    const { code, said } = await fuzz('planted', 200_000);
    expect(said).toContain('all four doors are open');
    expect(code).toBe(1);
  }, 60_000);
});
