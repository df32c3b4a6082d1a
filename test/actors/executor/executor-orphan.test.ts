import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import { fixture, isAlive, until } from './support/lab.js';

const parents: ChildProcess[] = [];
afterEach(() => {
  for (const parent of parents.splice(0)) parent.kill('SIGKILL');
});

const startParent = async (leaseMs: number, handler: string, guard: string) => {
  const parent = spawn(
    process.execPath,
    [fileURLToPath(fixture('parent.js')), `${leaseMs}`, handler, guard],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { PATH: process.env.PATH },
    },
  );
  parents.push(parent);
  const [line] = await once(parent.stdout as NonNullable<typeof parent.stdout>, 'data');
  const child = Number(String(line));
  expect(isAlive(child)).toBe(true);
  return { parent, child };
};

describe.each([
  ['loopForEver', 'watchdog'],
  ['never', 'watchdog'],
  ['loopForEver', 'warden'],
  ['never', 'warden'],
])('a child in %s with a %s', (handler, guard) => {
  it('is gone at once when its parent is killed', async () => {
    const { parent, child } = await startParent(30_000, handler, guard);
    parent.kill('SIGKILL');
    await until('the child is gone', () => !isAlive(child), 3_000);
  });

  it('is gone within the lease when its parent is frozen', async () => {
    const { parent, child } = await startParent(1_500, handler, guard);
    parent.kill('SIGSTOP');
    // Before a second lease would be over.
    await until('the child is gone', () => !isAlive(child), 2_900);
  });
});

it.each(['watchdog', 'warden'])(
  'a child with a %s that was frozen itself for longer than the lease goes on',
  async (guard) => {
    const { parent, child } = await startParent(1_000, 'never', guard);
    process.kill(child, 'SIGSTOP');
    const thawAtMs = performance.now() + 1_800;
    await until('longer than the lease', () => performance.now() > thawAtMs);
    process.kill(child, 'SIGCONT');
    const sureAtMs = performance.now() + 700;
    await until('several looks of the watchdog', () => performance.now() > sureAtMs);
    expect(isAlive(child)).toBe(true);
    parent.kill('SIGKILL');
    await until('the child is gone', () => !isAlive(child), 3_000);
  },
);
