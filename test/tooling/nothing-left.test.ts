import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { until } from '../support/until.js';

// A command as `npm test` is one: it has a Redis of its own and runs a program that has a child.
const program = `
  import { RedisServer } from './scripts/redis-server.mjs';
  import { command, run, whenDone } from './scripts/running.mjs';
  await command(async () => {
    const server = await RedisServer.start();
    whenDone(() => server.stop());
    process.stdout.write('redis ' + server.pid + '\\n');
    const nested = process.argv[1] === 'end' ? 'exit 7' : 'sleep 600 & echo sleep $!; wait';
    return (await run('/bin/sh', ['-c', nested])).code;
  });
`;

const root = fileURLToPath(new URL('../..', import.meta.url));

describe('a command', () => {
  it('ends with its own exit code and leaves no Redis', async () => {
    const { child, pids } = start('end');
    expect(await once(child, 'close')).toEqual([7, null]);
    await expectAllGone(pids());
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends what it started on %s', async (signal, code) => {
    const { child, pids } = start('wait');
    await until('two processes', () => pids().length === 2);
    child.kill(signal);
    expect(await once(child, 'exit')).toEqual([code, null]);
    await expectAllGone(pids());
  });

  it('takes what it started with it when it is killed', async () => {
    const { child, pids } = start('wait');
    await until('two processes', () => pids().length === 2);
    child.kill('SIGKILL');
    await expectAllGone(pids());
  });
});

function start(mode: 'end' | 'wait'): { child: ChildProcess; pids: () => number[] } {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, mode], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let output = '';
  child.stdout?.on('data', (chunk) => (output += chunk));
  return { child, pids: () => [...output.matchAll(/\w+ (\d+)\n/g)].map(([, pid]) => Number(pid)) };
}

async function expectAllGone(pids: number[]): Promise<void> {
  expect(pids.length).toBeGreaterThan(0);
  for (const pid of pids) await until(`the end of process ${pid}`, () => !isRunning(pid));
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie has ended and waits for its parent only. Where there is no /proc nothing stays one.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch (error) {
    return existsSync('/proc') ? false : (error as NodeJS.ErrnoException).syscall === 'open';
  }
}
