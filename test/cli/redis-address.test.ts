import { describe, expect, it } from '@jest/globals';
import { runCommandLine } from '../../src/cli/program.js';
import { fakeTerminal } from './support/fake-io.js';

type Env = Record<string, string>;

const config = async (args: string[], env: Env = {}): Promise<string> => {
  const io = fakeTerminal(env);
  const code = await runCommandLine(['config', ...args], io);
  const line = /^Redis: (.*)$/m.exec(io.stdout)?.[1];
  return code === 0 ? (line ?? io.stdout) : `${code} ${io.stderr.split('\n')[0]}`;
};

describe('where Redis is', () => {
  it.each<[string, string[], Env, string]>([
    ['nothing is said', [], {}, 'redis://localhost:6379 (default)'],
    ['a flag', ['-u', 'redis://f'], { REDIS_URL: 'redis://e' }, 'redis://f (flag)'],
    [
      'RXRQ_URL',
      [],
      { RXRQ_URL: 'redis://x', RQ_REDIS_URL: 'redis://q' },
      'redis://x (environment)',
    ],
    [
      'RQ_REDIS_URL',
      [],
      { RQ_REDIS_URL: 'redis://q', REDIS_URL: 'redis://e' },
      'redis://q (RQ_REDIS_URL)',
    ],
    ['parts', ['--host', 'h', '--port', '1', '--db', '2', '--tls'], {}, 'rediss://h:1/2 (flag)'],
    ['an IPv6 host', ['--host', '::1'], {}, 'redis://[::1]:6379 (flag)'],
    [
      'a part that completes a URL',
      ['--db', '3'],
      { REDIS_URL: 'redis://e:1/0' },
      'redis://e:1/3 (REDIS_URL)',
    ],
    ['a weaker part is left out', ['-u', 'redis://f'], { RXRQ_DB: '3' }, 'redis://f (flag)'],
    ['a port alone', ['--port', '7'], {}, 'redis://localhost:7 (default)'],
    ['a socket', ['--socket', '/run/r.sock', '--db', '1'], {}, '/run/r.sock (flag)'],
    ['a socket as URL', ['-u', 'unix:///run/r.sock'], {}, 'unix:///run/r.sock (flag)'],
    ['sentinels', ['--sentinel', 'a:1, b'], {}, 'mymaster of a:1,b:26379 (flag)'],
    [
      'sentinels of another master',
      ['--sentinel', '[::1]:5', '--sentinel-name', 'm'],
      {},
      'm of ::1:5 (flag)',
    ],
    [
      'RQ: REDIS_HOST',
      [],
      { REDIS_HOST: 'h', REDIS_PORT: '7', REDIS_DB: '2', REDIS_SSL: 'yes' },
      'rediss://h:7/2 (REDIS_HOST)',
    ],
    [
      'RQ: without REDIS_HOST',
      [],
      { REDIS_PORT: '7', REDIS_SSL: 'f' },
      'redis://localhost:7 (default)',
    ],
    [
      'RQ: beside a URL',
      [],
      { REDIS_URL: 'redis://e', REDIS_HOST: 'h', REDIS_DB: '2' },
      'redis://e (REDIS_URL)',
    ],
    [
      'what Docker writes',
      [],
      { REDIS_PORT: 'tcp://10.0.0.1:6379' },
      'redis://localhost:6379 (default)',
    ],
  ])('%s', async (_, args, env, shown) => {
    expect(await config(args, env)).toBe(shown);
  });

  it.each<[string[], Env, string]>([
    [['-u', 'redis://a', '--host', 'b'], {}, 'give only one of --url and --host'],
    [['-u', 'redis://a/1', '--db', '2'], {}, '--db and the URL both say it'],
    [['--socket', '/x', '--port', '2'], {}, '--port says nothing beside --socket'],
    [['--host', 'x', '--sentinel-name', 'm'], {}, '--sentinel-name says nothing beside --host'],
    [['--sentinel', 'a:b:c'], {}, '--sentinel must be host:port'],
    [['-u', 'http://a'], {}, 'the Redis URL is not valid'],
    [[], { REDIS_URL: 'redis://u:p#w@h' }, 'the Redis URL is not valid'],
    [['-u', 'redis://w:pw%zz@h'], {}, 'the Redis URL is not valid'],
    [[], { REDIS_SSL: 'maybe' }, 'REDIS_SSL must be true or false'],
    [[], { REDIS_PORT: 'x' }, 'REDIS_PORT must be a whole number'],
    [[], { REDIS_SSL: 'y', REDIS_SSL_KEYFILE: '/k' }, 'REDIS_SSL_KEYFILE is not read'],
  ])('%j %j is refused', async (args, env, message) => {
    const said = await config(args, env);
    expect(said.startsWith('2 error: ')).toBe(true);
    expect(said).toContain(message);
  });
});
