import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { firstValueFrom } from 'rxjs';
import type { RedisServer } from '../../scripts/redis-server.mjs';
import { makeProgram, runCommandLine } from '../../src/cli/program.js';
import { aclRules, bootScheduler, bootWorker, bootWorkerPool, Rq } from '../../src/index.js';
import { closeConnection, openCommandConnection } from '../../src/redis/connection.js';
import { keys } from '../../src/redis/keys.js';
import { fakeTerminal } from '../cli/support/fake-io.js';
import { type FreshRedis, freshRedis, startPrivateRedis } from '../support/redis.js';
import { until } from '../support/until.js';

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
  });
});

describe('what is printed of connections and of their errors', () => {
  let server: RedisServer;
  let admin: Redis;
  // Every secret here contains it, and no title: `showHidden` finds the state of jest.
  const secret = 'S3cr3t';
  const urlFor = (user: string, password: string): string =>
    server.url.replace('//', `//${user}:${password}@`);
  const setUser = (user: string, password: string, ...rules: string[]): Promise<unknown> =>
    admin.acl('SETUSER', user, 'reset', 'on', `>${password}`, ...rules);
  const all = ['~*', '&*', '+@all'];
  const given = { handlers, isolation: 'inline', handleSignals: false } as const;

  beforeAll(async () => {
    server = await startPrivateRedis();
    admin = new Redis(server.url);
    await setUser('w', 'S3cr3t-w', ...all);
    await setUser('reader', 'S3cr3t-r', ...aclRules('reader'));
  });
  afterAll(async () => {
    admin.disconnect();
    await server.stop();
  });

  const printed = (value: unknown): string =>
    [
      inspect(value, { depth: Infinity }),
      inspect(value, { depth: Infinity, showHidden: true }),
      // As `console.dir` does it.
      inspect(value, { customInspect: false }),
      json(value),
    ].join('\n');

  // rxjs' subscriptions and our actors go in circles: JSON says so, with names of classes only.
  const json = (value: unknown): string => {
    try {
      return JSON.stringify(value);
    } catch (error) {
      return String(error);
    }
  };

  it.each([
    ['a URL', () => urlFor('w', 'S3cr3t-w')],
    [
      'options',
      () => ({ host: '127.0.0.1', port: server.port, username: 'w', password: 'S3cr3t-w' }),
    ],
  ])(
    'S15: whatever holds a connection by %s shows no password',
    async (_, url) => {
      const own = new Rq({ url: url() });
      const job = await own.queue('looked-at').enqueue('handlers.echo', 1);
      const events = own.events(['looked-at']).subscribe();
      const delivery = firstValueFrom(own.deliveries$(['looked-at']));
      const worker = await bootWorker({ url: url(), queues: ['others'], ...given });
      const copy = own.redis.duplicate();
      try {
        const held: unknown[] = [
          own,
          own.queue(),
          job,
          own.failedQueue,
          own.group('g'),
          own.worker('x'),
        ];
        held.push(await delivery, worker, events, own.redis, copy);
        for (const one of held) expect(printed(one)).not.toContain(secret);
        for (const one of [own.redis.options, own.redis.pipeline()])
          expect(
            inspect(one, { depth: Infinity }) + JSON.stringify({ one: own.redis.options }),
          ).not.toContain(secret);
        expect(inspect(own.redis)).toContain(`127.0.0.1:${server.port}`);
      } finally {
        copy.disconnect();
        events.unsubscribe();
        await worker.stop({ graceMs: 0 });
        await own.close();
      }
    },
    20_000,
  );

  it('S15: connections to a cluster and by sentinels show no password either', () => {
    const nowhere = { password: secret, host: '127.0.0.1', port: 1, sentinelPassword: secret };
    const addresses = [
      { cluster: ['127.0.0.1:1'], space: 's', password: secret },
      { ...nowhere, sentinels: [{ host: '127.0.0.1', port: 1 }], name: 'mymaster' },
    ];
    for (const address of addresses) {
      const connection = openCommandConnection(address);
      const shown = printed(connection);
      closeConnection(connection);
      expect(shown).not.toContain(secret);
    }
  });

  it('S15: a pool of workers shows neither the password nor the keys that it gives them', async () => {
    const key = Buffer.alloc(32, 0xab);
    const pool = await bootWorkerPool({
      ...{ ...given, url: urlFor('w', 'S3cr3t-w'), workers: 1 },
      encryption: { keys: { k1: key }, current: 'k1' },
    });
    try {
      expect(printed(pool)).not.toContain(secret);
      expect(printed(pool)).not.toMatch(/ab ab|171,\s*171/);
    } finally {
      await pool.stop();
    }
  });

  it.each([
    ['with a wrong password', () => urlFor('w', 'S3cr3t-wrong'), 'WRONGPASS'],
    ['without the right to', () => urlFor('reader', 'S3cr3t-r'), 'NOPERM'],
  ])(
    'S14: S15: a program that dies of enqueueing %s prints no secret',
    async (_, url, why) => {
      const program = fileURLToPath(new URL('./fixtures/uncaught.js', import.meta.url));
      const said = await new Promise<string>((resolve) => {
        const args = [program, url(), 'S3cr3t-argument'];
        execFile(process.execPath, args, (__, stdout, stderr) => resolve(stdout + stderr));
      });
      expect(said).toContain(why);
      expect(said).toContain('command: { name:');
      expect(said).not.toContain(secret);
    },
    20_000,
  );

  it('S15: what does not come up rejects without the password', async () => {
    const url = urlFor('w', 'S3cr3t-wrong');
    const refused = [bootWorker({ url, ...given }), bootScheduler({ url, handleSignals: false })];
    for (const one of await Promise.allSettled(refused)) {
      expect(printed(one)).toContain('WRONGPASS');
      expect(printed(one)).not.toContain(secret);
    }
  });

  it('S14: S15: commands in a pipeline or a transaction fail without their arguments', async () => {
    const connection = openCommandConnection(urlFor('reader', 'S3cr3t-r'));
    const pipeline = await connection.pipeline().set('S3cr3t-k', 'S3cr3t-v').get('rq:x').exec();
    const transaction = await connection.multi().set('rq:x', 'S3cr3t-v').exec().catch(printed);
    const kept = pipeline?.map(([error]) => (error as { command?: object } | null)?.command);
    expect(kept).toEqual([{ name: 'set' }, undefined]);
    expect(transaction).toContain('EXECABORT');
    expect(transaction).toContain("name: 'set'");
    expect(transaction).not.toContain(secret);
    closeConnection(connection);
  });

  it('S15: what is told after the password was changed does not hold it', async () => {
    await setUser('rotated', 'S3cr3t-old', ...all);
    const url = urlFor('rotated', 'S3cr3t-old');
    const told: unknown[] = [];
    const onTrouble = (error: unknown): void => void told.push(error);
    const own = new Rq({ url, onTrouble });
    own.redis.on('error', onTrouble);
    const consumer = own.deliveries$(['none']).subscribe({ error: onTrouble });
    const events = own.events(['none']).subscribe({ error: onTrouble });
    const worker = await bootWorker({ url, ...given, on: { onTrouble } });
    await setUser('rotated', 'S3cr3t-new', ...all);
    await admin.client('KILL', 'USER', 'rotated');
    const enqueueing = own.queue('none').enqueue('handlers.echo', 'S3cr3t-argument');
    await enqueueing.catch(onTrouble);
    await until('much is told', () => told.filter(isOfAuth).length > 5);
    for (const one of told) expect(printed(one)).not.toContain(secret);
    consumer.unsubscribe();
    events.unsubscribe();
    await worker.stop({ graceMs: 0 });
    await own.close();
  }, 30_000);

  const isOfAuth = (error: unknown): boolean => inspect(error).includes("name: 'auth'");

  it.each([
    'redis://w:hunter2@127.0.0.1:99999',
    'redis://w:hunter2@',
    'redis://w:hunter2%zz@127.0.0.1:1',
    'valkey://w:hunter2@127.0.0.1:99999',
    '//w:hunter2@127.0.0.1:99999',
    'unix://w:hunter2@/run/redis.sock',
    'redis+cluster://w:hunter2/more@127.0.0.1:1',
    'redis+cluster://hunter2:hunter2/more@127.0.0.1:1/s',
    'hunter2',
    { cluster: ['redis://w:hunter2@127.0.0.1:1'], space: 's' },
  ])('S15: %j is refused without being repeated', async (url) => {
    let thrown: unknown;
    try {
      new Rq({ url });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({
      name: 'InvalidOptionError',
      option: typeof url === 'string' ? 'url' : 'cluster',
    });
    expect(printed(thrown)).not.toContain('hunter2');
    if (typeof url !== 'string') return;
    const io = fakeTerminal({}, true);
    expect(await runCommandLine(['info', '-u', url], io)).toBe(2);
    expect(io.stderr).toMatch(/URL|url/);
    expect(io.stdout + io.stderr).not.toContain('hunter2');
  });

  it('S15: a URL of Valkey is understood, and its password no path', async () => {
    const url = urlFor('w', 'S3cr3t-w').replace('redis:', 'valkey:');
    const own = new Rq({ url });
    expect(await own.redis.ping()).toBe('PONG');
    await own.close();
  });
});
