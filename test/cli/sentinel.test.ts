import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { runCommandLine } from '../../src/cli/program.js';
import { Sentinels } from '../support/sentinels.js';
import { fakeTerminal } from './support/fake-io.js';

let watched: Sentinels;
let port: number | undefined;

beforeAll(async () => {
  watched = await Sentinels.start({ replicas: 0, sentinels: 1 });
  port = watched.sentinels[0]?.port;
});
afterAll(() => watched.stop());

it('a command finds Redis through its sentinels', async () => {
  const io = fakeTerminal({ RXRQ_SENTINEL: `127.0.0.1:${port}`, RXRQ_DB: '3' });
  const args = ['enqueue', 'a.b', '-q', 'far', '--sentinel-name', 'jobs', '-v'];
  expect([await runCommandLine(args, io), io.stderr]).toEqual([
    0,
    `Redis: jobs of 127.0.0.1:${port}\n`,
  ]);
  const direct = new Redis((await watched.primary()).url, { db: 3 });
  expect(await direct.llen('rq:queue:far')).toBe(1);
  direct.disconnect();
});

it('doctor says of a sentinel that it is none to ask for jobs', async () => {
  const io = fakeTerminal({ RXRQ_URL: `redis://127.0.0.1:${port}` });
  const code = await runCommandLine(['doctor'], io);
  expect([code, io.stdout + io.stderr]).toEqual([4, expect.stringContaining('this is a sentinel')]);
}, 30_000);
