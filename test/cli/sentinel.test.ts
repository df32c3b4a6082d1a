import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { endWithUs } from '../../scripts/guard.mjs';
import { runCommandLine } from '../../src/cli/program.js';
import { startPrivateRedis } from '../support/redis.js';
import { until } from '../support/until.js';
import { fakeTerminal } from './support/fake-io.js';

let server: Awaited<ReturnType<typeof startPrivateRedis>>;
let port: number;
let end = async (): Promise<void> => undefined;

const freePort = async (): Promise<number> => {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port: free } = probe.address() as { port: number };
  probe.close();
  await once(probe, 'close');
  return free;
};

beforeAll(async () => {
  server = await startPrivateRedis();
  port = await freePort();
  const directory = mkdtempSync(join(tmpdir(), 'rxrq-sentinel-'));
  const file = join(directory, 'sentinel.conf');
  writeFileSync(
    file,
    `port ${port}\nbind 127.0.0.1\ndir ${directory}\nsentinel monitor jobs 127.0.0.1 ${server.port} 1\n`,
  );
  const child = spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' });
  const release = endWithUs(child.pid as number);
  end = async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
    release();
    rmSync(directory, { recursive: true, force: true });
  };
  const sentinel = new Redis(port, { retryStrategy: () => 50, maxRetriesPerRequest: null });
  await until('the sentinel knows the primary', () =>
    sentinel.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'jobs'),
  );
  sentinel.disconnect();
});
afterAll(async () => {
  await end();
  await server.stop();
});

it('a command finds Redis through its sentinels', async () => {
  const io = fakeTerminal({ RXRQ_SENTINEL: `127.0.0.1:${port}`, RXRQ_DB: '3' });
  const args = ['enqueue', 'a.b', '-q', 'far', '--sentinel-name', 'jobs', '-v'];
  expect([await runCommandLine(args, io), io.stderr]).toEqual([
    0,
    `Redis: jobs of 127.0.0.1:${port}\n`,
  ]);
  const direct = new Redis(server.url, { db: 3 });
  expect(await direct.llen('rq:queue:far')).toBe(1);
  direct.disconnect();
});

it('doctor says of a sentinel that it is none to ask for jobs', async () => {
  const io = fakeTerminal({ RXRQ_URL: `redis://127.0.0.1:${port}` });
  const code = await runCommandLine(['doctor'], io);
  expect([code, io.stdout + io.stderr]).toEqual([4, expect.stringContaining('this is a sentinel')]);
}, 30_000);
