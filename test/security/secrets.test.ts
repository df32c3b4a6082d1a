import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeProgram, runCommandLine } from '../../src/cli/program.js';
import { bootWorker, Rq } from '../../src/index.js';
import { keys } from '../../src/redis/keys.js';
import { fakeTerminal } from '../cli/support/fake-io.js';
import { type FreshRedis, freshRedis } from '../support/redis.js';

const handlers = fileURLToPath(new URL('./fixtures/handlers.js', import.meta.url));
const cron = fileURLToPath(new URL('../cli/fixtures/cron.js', import.meta.url));

let redis: FreshRedis;
let rq: Rq;
beforeAll(async () => {
  redis = await freshRedis();
  rq = new Rq({ url: redis.url });
});
afterAll(async () => {
  await rq.close();
  await redis.close();
});

describe('secrets', () => {
  // Nothing listens there.
  const address = 'redis://user:hunter2@127.0.0.1:1/0?password=p%40sswort';
  const parts = ['hunter2', 'p%40sswort', 'p@sswort'];
  const names = makeProgram(fakeTerminal(), () => undefined).commands.map((one) => one.name());
  const given: Record<string, readonly string[]> = {
    worker: ['--import', 'package.json'],
    'worker-pool': ['--import', 'package.json'],
    cron: [cron],
    requeue: ['x'],
    empty: ['x', '--yes'],
    shutdown: ['x'],
    'kill-horse': ['x'],
    ping: ['x'],
  };

  it.each(names)(
    'S15: `rxrq %s` shows no credentials of Redis',
    async (name) => {
      const command = makeProgram(fakeTerminal(), () => undefined).commands.find(
        (one) => one.name() === name,
      );
      const needed = (command?.registeredArguments ?? []).filter(({ required }) => required);
      const args = given[name] ?? needed.map(() => 'x');
      const codes: number[] = [];
      for (const more of [[], ['--json'], ['-v']]) {
        const io = fakeTerminal({ RQ_REDIS_URL: address }, true);
        codes.push(await runCommandLine([name, ...args, ...more], io));
        for (const secret of parts) expect(io.stdout + io.stderr).not.toContain(secret);
      }
      // All but `config` would have liked to talk to Redis.
      const tried = codes.filter((code) => code !== 2);
      expect([name, [...new Set(tried)]]).toEqual([name, [name === 'config' ? 0 : 3]]);
    },
    30_000,
  );

  it('S15: what somebody else’s module quotes is shown without credentials', async () => {
    const quoting = fileURLToPath(new URL('./fixtures/quoting.js', import.meta.url));
    for (const more of [[], ['--json'], ['-v']]) {
      // A Redis that wants no password takes any.
      const url = redis.url.replace('//', '//:hunter2@');
      const io = fakeTerminal({ RQ_REDIS_URL: url }, true);
      await runCommandLine(['worker', 'q', '--import', quoting, ...more], io);
      const shown = io.stdout + io.stderr;
      expect(shown).toContain('cannot begin with redis://');
      expect(shown).not.toContain('hunter2');
    }
  });

  it('S14: events of a job hold nothing of its arguments, meta and result', async () => {
    const worker = await bootWorker({
      url: redis.url,
      handlers,
      isolation: 'inline',
      handleSignals: false,
    });
    const options = { meta: { password: 'S3cr3t' }, description: 'plain' };
    const good = await rq.queue().enqueueWith(options, 'handlers.echo', { password: 'S3cr3t' });
    expect(await good.result({ timeoutMs: 10_000 })).toEqual({ password: 'S3cr3t' });
    await worker.stop();
    const log = await redis.client.xrange(keys.events('default'), '-', '+');
    expect(log.length).toBeGreaterThan(0);
    expect(JSON.stringify(log)).not.toContain('S3cr3t');
  }, 20_000);
});
