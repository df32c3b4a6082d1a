import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { runCommandLine } from '../../src/cli/program.js';
import { fakeTerminal } from './support/fake-io.js';

const root = mkdtempSync(join(tmpdir(), 'rxrq-config-'));
let directory = '';
let count = 0;
beforeEach(() => {
  count += 1;
  directory = join(root, String(count));
  mkdirSync(directory);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const file = (name: string, content: string | object): string => {
  const path = join(directory, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
};

const run = async (args: string[], env: Record<string, string> = {}) => {
  const io = fakeTerminal(env, null, directory);
  const code = await runCommandLine(args, io);
  return { code, stdout: io.stdout, stderr: io.stderr };
};

/** What `rxrq config` says of one setting. */
const setting = async (
  section: string,
  key: string,
  env: Record<string, string> = {},
  args: string[] = [],
): Promise<unknown[] | undefined> => {
  const { code, stdout, stderr } = await run(['config', '--json', ...args], env);
  if (code !== 0) throw new Error(stderr);
  const rows = stdout.trimEnd().split('\n');
  const found = rows
    .map((row) => JSON.parse(row) as Record<string, unknown>)
    .find((row) => row.section === section && row.key === key);
  return found && [found.value, found.source, found.from];
};

describe('precedence', () => {
  it('flag, then variable, then file, then default', async () => {
    expect(await setting('common', 'db')).toEqual([null, 'default', '']);
    file('rxrq.config.json', { common: { db: 1 } });
    expect(await setting('common', 'db')).toEqual([1, 'file', 'common.db']);
    const env = { RXRQ_DB: '2' };
    expect(await setting('common', 'db', env)).toEqual([2, 'environment', 'RXRQ_DB']);
    expect(await setting('common', 'db', env, ['--db', '3'])).toEqual([3, 'flag', '']);
    // An empty variable is one that somebody has unset.
    expect(await setting('common', 'db', { RXRQ_DB: '' })).toEqual([1, 'file', 'common.db']);
  });

  it('gives a command its values as flags would have: parsed, as lists, as switches', async () => {
    file('rxrq.config.json', {
      worker: {
        concurrency: '7',
        burst: true,
        queues: 'low',
        grace: 1.5,
        import: ['a.js', './b.js'],
        inheritEnv: [],
        webhooks: 'none',
        commands: [],
      },
      enqueue: { timeout: '5m', retryInterval: ['1', '1m'] },
    });
    const env = { RXRQ_QUEUES: 'high, default', RXRQ_BURST: 'false' };
    expect(await setting('worker', 'concurrency', env)).toEqual([7, 'file', 'worker.concurrency']);
    expect(await setting('worker', 'burst')).toEqual([true, 'file', 'worker.burst']);
    expect(await setting('worker', 'burst', env)).toEqual([false, 'environment', 'RXRQ_BURST']);
    expect(await setting('worker', 'queues')).toEqual([['low'], 'file', 'worker.queues']);
    expect(await setting('worker', 'queues', env)).toEqual([
      ['high', 'default'],
      'environment',
      'RXRQ_QUEUES',
    ]);
    expect(await setting('worker', 'grace')).toEqual([1.5, 'file', 'worker.grace']);
    // Files are seen from the config file.
    expect(await setting('worker', 'import')).toEqual([
      [join(directory, 'a.js'), join(directory, 'b.js')],
      'file',
      'worker.import',
    ]);
    // Nothing allowed is not the default, which is all.
    expect(await setting('worker', 'inheritEnv')).toEqual([[], 'file', 'worker.inheritEnv']);
    expect(await setting('worker', 'webhooks')).toEqual([['none'], 'file', 'worker.webhooks']);
    expect(await setting('worker', 'commands')).toEqual([[], 'file', 'worker.commands']);
    expect(await setting('worker-pool', 'commands', { RXRQ_COMMANDS: 'none' })).toEqual([
      ['none'],
      'environment',
      'RXRQ_COMMANDS',
    ]);
    expect(await setting('worker', 'inheritEnv', { RXRQ_INHERIT_ENV: 'A, B' })).toEqual([
      ['A', 'B'],
      'environment',
      'RXRQ_INHERIT_ENV',
    ]);
    expect(await setting('enqueue', 'timeout')).toEqual([300, 'file', 'enqueue.timeout']);
    expect(await setting('enqueue', 'retryInterval')).toEqual([
      [1, 60],
      'file',
      'enqueue.retryInterval',
    ]);
  });

  it.each([
    ['RXRQ_NO_SCHEDULER', '1', false],
    ['RXRQ_NO_SCHEDULER', '0', true],
    ['RXRQ_WITH_SCHEDULER', '0', false],
    ['RXRQ_WITH_SCHEDULER', '1', true],
    ['RXRQ_SCHEDULER', '0', false],
  ])('knows the scheduler by each of its names: %s=%s', async (name, text, value) => {
    for (const command of ['worker', 'worker-pool'])
      expect(await setting(command, 'scheduler', { [name]: text })).toEqual([
        value,
        'environment',
        name,
      ]);
    expect((await run(['config'], { [name]: text })).stderr).toBe('');
  });

  it.each([
    [{ noScheduler: true }, false, 'worker.noScheduler'],
    [{ withScheduler: false }, false, 'worker.withScheduler'],
    [{ withScheduler: true, noScheduler: false }, true, 'worker.withScheduler'],
    [{ scheduler: false }, false, 'worker.scheduler'],
  ])('knows the scheduler by each of its names: %j', async (worker, value, from) => {
    file('rxrq.config.json', { worker });
    expect(await setting('worker', 'scheduler')).toEqual([value, 'file', from]);
    expect(await setting('worker', 'scheduler', { RXRQ_SCHEDULER: String(!value) })).toEqual([
      !value,
      'environment',
      'RXRQ_SCHEDULER',
    ]);
  });

  it('hears the stronger place alone, of two that exclude each other', async () => {
    file('rxrq.config.json', { worker: { weight: 'high=5' } });
    expect(await setting('worker', 'weight')).toEqual([[['high', 5]], 'file', 'worker.weight']);
    const env = { RXRQ_DEQUEUE_STRATEGY: 'default' };
    expect(await setting('worker', 'weight', env)).toEqual([null, 'default', '']);
    file('rxrq.config.json', { worker: { dequeueStrategy: 'random' } });
    expect(await setting('worker', 'dequeueStrategy', { RXRQ_WEIGHT: 'high=5' })).toEqual([
      'default',
      'default',
      '',
    ]);
  });

  it.each([
    [{}, { RXRQ_WITH_SCHEDULER: '1', RXRQ_NO_SCHEDULER: '1' }, 'RXRQ_WITH_SCHEDULER and RXRQ_NO'],
    [{ scheduler: true, noScheduler: true }, {}, 'worker.noScheduler and worker.scheduler'],
    [{}, { RXRQ_WEIGHT: 'a=1', RXRQ_DEQUEUE_STRATEGY: 'random' }, '_STRATEGY and RXRQ_WEIGHT'],
    [{ weight: 'a=1', dequeueStrategy: 'random' }, {}, 'worker.dequeueStrategy and worker.weight'],
  ])('refuses what one place says twice: %j, %j', async (worker, env, message) => {
    file('rxrq.config.json', { worker });
    const { code, stderr } = await run(['config'], env as Record<string, string>);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
    expect(stderr).toContain('exclude each other');
  });

  it('takes ~/ of a pid file for the home directory, in each place', async () => {
    const here = join(homedir(), 'run/rxrq.pid');
    expect((await setting('worker', 'pid', { RXRQ_PID: '~/run/rxrq.pid' }))?.[0]).toBe(here);
    file('rxrq.config.json', { worker: { pid: '~/run/rxrq.pid' } });
    expect((await setting('worker', 'pid'))?.[0]).toBe(here);
    file('rxrq.config.json', { worker: { pid: '~run' } });
    expect((await setting('worker', 'pid'))?.[0]).toBe(join(directory, '~run'));
  });

  it('reaches the command: the worker looks for the handlers that the file names', async () => {
    file('rxrq.config.json', { worker: { import: 'none.js' } });
    const { code, stderr } = await run(['worker']);
    expect(code).toBe(2);
    expect(stderr).toContain(join(directory, 'none.js'));
  });

  it('lets no variable widen what is deleted or requeued', async () => {
    const env = { RXRQ_ALL: '1', RXRQ_YES: '1', RXRQ_QUEUES: 'default', RXRQ_QUEUE: 'default' };
    for (const command of ['failed', 'requeue', 'empty', 'audit'])
      expect((await run(['config', command], env)).stderr).toContain('no command with settings');
    expect(await setting('enqueue', 'queue', env)).toEqual([
      'default',
      'environment',
      'RXRQ_QUEUE',
    ]);
    const { stderr } = await run(['config'], env);
    expect(stderr).toBe('set, and read by no command: RXRQ_ALL, RXRQ_YES\n');
  });
});

describe('the file', () => {
  it.each([
    ['rxrq.config.js', 'module.exports = { common: { db: 4 } };'],
    ['rxrq.config.mjs', 'export default { common: { db: 4 } };'],
    ['rxrq.config.ts', 'const db: number = 4;\nexport default { common: { db } };'],
    ['rxrq.config.json', '\uFEFF{ "common": { "db": 4 } }'],
  ])('is found as %s', async (name, content) => {
    const path = file(name, content);
    expect(await setting('common', 'db')).toEqual([4, 'file', 'common.db']);
    expect((await run(['config'])).stdout).toContain(`config file: ${path}\n`);
  });

  it('is named by --config or RXRQ_CONFIG, the flag first', async () => {
    file('one.json', { common: { db: 1 } });
    file('two.json', { common: { db: 2 } });
    file('rxrq.config.json', { common: { db: 3 } });
    const env = { RXRQ_CONFIG: 'two.json' };
    expect(await setting('common', 'db')).toEqual([3, 'file', 'common.db']);
    expect(await setting('common', 'db', env)).toEqual([2, 'file', 'common.db']);
    expect(await setting('common', 'db', env, ['-c', 'one.json'])).toEqual([
      1,
      'file',
      'common.db',
    ]);
  });

  it.each([
    [{ worker: { concurency: 4 } }, 'worker.concurency is unknown (there is: queues, import, '],
    [{ workers: {} }, 'workers is unknown (there is: common, worker, '],
    [{ worker: { concurrency: 0 } }, 'worker.concurrency must be a whole number of at least 1'],
    [{ worker: { burst: 'yes' } }, 'worker.burst must be true or false'],
    [
      { worker: { isolation: 'thread' } },
      'worker.isolation Allowed choices are pool, fork-per-job',
    ],
    [{ common: { port: 70000 } }, 'common.port must be a port, 1 to 65535'],
    [{ common: 4 }, 'common must be an object'],
    [{ common: { url: ['a'] } }, 'common.url must be text or a number'],
    [[], 'its content must be an object'],
    [{ enqueue: { jobId: 'x' } }, 'enqueue.jobId is unknown'],
  ])('%j is refused', async (content, message) => {
    const path = file('rxrq.config.json', content);
    const { code, stderr } = await run(['info']);
    expect(code).toBe(2);
    expect(stderr).toContain(`error: config file ${path}: ${message}`);
  });

  it('is refused when it does not load, is not there, or is there twice', async () => {
    const broken = file('broken.json', '{');
    expect((await run(['config', '-c', 'broken.json'])).stderr).toContain(`${broken} is not JSON`);
    file('throws.mjs', 'throw new Error("no config today");');
    expect((await run(['config', '-c', 'throws.mjs'])).stderr).toContain('no config today');
    file('empty.mjs', 'export const x = 1;');
    expect((await run(['config', '-c', 'empty.mjs'])).stderr).toContain('has no default export');
    expect(await run(['config', '-c', './none.json'])).toMatchObject({ code: 2 });
    file('rxrq.config.json', {});
    file('rxrq.config.js', '');
    expect((await run(['config'])).stderr).toContain(
      'rxrq.config.js and rxrq.config.json are both there',
    );
  });

  it('says what to do with a settings module of Python', async () => {
    for (const named of ['settings', 'shop.settings', 'settings.py']) {
      const { code, stderr } = await run(['info', '-c', named]);
      expect(code).toBe(2);
      expect(stderr).toContain(`${named} is a Python settings module, which Node cannot read`);
    }
    const env = { RQ_CONFIG: 'settings' };
    expect((await run(['config'], env)).stderr).toContain('RQ_CONFIG names "settings"');
    expect((await run(['config'], { ...env, REDIS_URL: 'redis://h' })).code).toBe(0);
  });
});

describe('a variable that is wrong', () => {
  it.each([
    ['RXRQ_CONCURRENCY', 'many', 'RXRQ_CONCURRENCY: It must be a whole number of at least 1.'],
    ['RXRQ_BURST', 'perhaps', 'RXRQ_BURST must be 1, true, 0 or false'],
    ['RXRQ_ISOLATION', 'x', 'RXRQ_ISOLATION: Allowed choices are'],
    ['RXRQ_PORT', '0', 'RXRQ_PORT: It must be a port'],
  ])('%s=%s ends with 2', async (name, value, message) => {
    const { code, stderr } = await run(['worker'], { [name]: value });
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });
});

describe('secrets', () => {
  const secrets = ['hunter22', 'p@ss/w%rd', 'p%40ss%2Fw%25rd', 'sesame'];

  it('are never shown, whoever brings them', async () => {
    file('rxrq.config.json', { common: { sentinelPassword: 'sesame', password: 'hunter22' } });
    const runs = [
      await run(['config', '--url', 'redis://me:hunter22@h:1/2']),
      await run(['config'], { RQ_REDIS_URL: 'redis://:hunter22@h' }),
      await run(['config', '--json'], { RXRQ_PASSWORD: 'p@ss/w%rd', RXRQ_HOST: 'h' }),
      // Nothing listens there: the message of the failure is ours, ioredis' or Node's.
      await run(['info', '--host', '127.0.0.1', '--port', '1', '--password', 'p@ss/w%rd', '-v']),
      await run(['info', '--sentinel', '127.0.0.1:1', '-v', '--password', 'hunter22']),
    ];
    expect(runs.map(({ code }) => code)).toEqual([0, 0, 0, 3, 3]);
    for (const { stdout, stderr } of runs)
      for (const secret of secrets) expect(stdout + stderr).not.toContain(secret);
    expect(runs[2]?.stdout).toContain('"value":"***"');
  }, 30_000);
});
