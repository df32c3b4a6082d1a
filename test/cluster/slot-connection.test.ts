import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import {
  closeConnection,
  openBlockingConnection,
  openCommandConnection,
} from '../../src/redis/connection.js';
import { failureKind, pauseMs } from '../../src/redis/failure.js';
import { loadScript, runScript } from '../../src/redis/scripts.js';
import { BlockingCaller } from '../../src/streams/blocking-caller.js';
import { until } from '../support/until.js';
import { TestCluster } from './support/cluster.js';

let cluster: TestCluster;
const opened: Redis[] = [];

beforeAll(async () => {
  cluster = await TestCluster.start();
}, 30_000);
afterEach(() => {
  for (const redis of opened.splice(0)) closeConnection(redis);
});
afterAll(() => cluster.stop());

const open = (space: string): Redis => {
  const redis = openCommandConnection(cluster.url(space));
  opened.push(redis);
  return redis;
};
const next = (at: number): number => (at + 1) % 3;
const command = loadScript('command');
const names = ['worker', 'mailbox'];
const args = ['channel', '{}', 60];

describe('a connection to a slot', () => {
  it('puts the tag before keys, and finds the node wherever it begins', async () => {
    for (const space of await cluster.spaceOnEach('find')) {
      const redis = open(space);
      const replies = await redis.pipeline().set('a', '1').get('a').exists('a', 'b').exec();
      expect(replies).toEqual([
        [null, 'OK'],
        [null, '1'],
        [null, 1],
      ]);
      expect(await cluster.client(await cluster.ownerOf(space)).get(`{${space}}:a`)).toBe('1');
    }
  });

  it('runs a script whole or not at all: Redis alone would stop it in the middle', async () => {
    const space = 'torn';
    const redis = open(space);
    const worker = { version: 'rxrq', state: 'idle' };
    await redis.hset('worker', worker);
    await redis.set('other', '1');
    const [from, owner] = [await cluster.ownerOf(space), `{${space}}:`];
    const { slot } = await cluster.beginMove(space, next(from));
    const source = cluster.client(from);
    // As it would be without a key that never exists: what it did not declare is missed half way.
    const torn = "redis.call('SET', KEYS[1], 'written') return redis.call('GET', ARGV[1])";
    await expect(source.eval(torn, 1, `${owner}other`, `${owner}gone`)).rejects.toThrow(
      'non local key',
    );
    expect(await source.get(`${owner}other`)).toBe('written');

    const sent = runScript(redis, command, names, args);
    const read = redis.hgetall('worker');
    const asSent = [owner, ...names.map((name) => owner + name)];
    do {
      const refused = source.eval(command.inSpace.source, asSent.length, ...asSent, ...args);
      await expect(refused).rejects.toThrow(/^(ASK|TRYAGAIN) /);
    } while ((await cluster.moveKeys(slot, from, next(from), 1)) > 0);
    const there = await cluster.client(next(from)).keys(`${owner}*`);
    expect(there.sort()).toEqual([`${owner}other`, `${owner}worker`]);
    await cluster.endMove(slot, from, next(from));
    expect(await sent).toEqual([Buffer.from('rxrq'), 0]);
    expect(await read).toEqual(worker);
    expect(await redis.llen('mailbox')).toBe(1);
    expect(await cluster.client(next(from)).llen(`${owner}mailbox`)).toBe(1);
  });

  it('rejects within its time limit while a slot is left half moved, and writes nothing later', async () => {
    const space = 'stuck';
    const redis = openCommandConnection(cluster.url(space));
    opened.push(redis);
    redis.options.commandTimeout = 300;
    await redis.set('here', '1');
    const from = await cluster.ownerOf(space);
    const { slot } = await cluster.beginMove(space, next(from));
    const late = redis.set('there', '1').catch((error: Error) => error);
    expect(failureKind(await late)).toBe('transient');
    expect(await redis.get('here')).toBe('1');
    while ((await cluster.moveKeys(slot, from, next(from), 10)) > 0);
    await cluster.endMove(slot, from, next(from));
    expect(await redis.get('here')).toBe('1');
    expect(await redis.exists('there')).toBe(0);
  });

  it('tells who blocks on a slot that leaves, and serves again where it went', async () => {
    const space = 'blocked';
    const redis = open(space);
    const caller = new BlockingCaller(openBlockingConnection(cluster.url(space)));
    const pop = (): Promise<unknown> =>
      caller.call(20_000, ['BLMOVE', 'a', 'b', 'LEFT', 'RIGHT', 20]);
    const insist = async (): Promise<unknown> => {
      for (;;) {
        const got = await pop().catch((error: unknown) => {
          if (failureKind(error) !== 'transient') throw error;
        });
        if (got) return got;
        await delay(pauseMs(1));
      }
    };
    const got = insist();
    await until('it waits', () => caller.blockedId !== null);
    const from = await cluster.ownerOf(space);
    await cluster.move(space, next(from));
    await redis.rpush('a', 'one');
    expect(String(await got)).toBe('one');
    expect(await cluster.client(next(from)).lrange(`{${space}}:b`, 0, -1)).toEqual(['one']);
    caller.close();
  });

  it('goes on with other nodes when the one it knew is gone', async () => {
    const [space] = (await cluster.spaceOnEach('alive')) as [string];
    const gone = 'redis+cluster://127.0.0.1:1,';
    const redis = openCommandConnection(cluster.url(space).replace('redis+cluster://', gone));
    opened.push(redis);
    const answer = await until('it is there', () => redis.set('a', '1').catch(() => null));
    expect(answer).toBe('OK');
  });

  it('serves many at a time while the slot wanders, each once', async () => {
    const space = 'many';
    const redis = open(space);
    let left = false;
    await redis.set('count', '0');
    const counting = Promise.all(
      Array.from({ length: 20 }, async () => {
        let sent = 0;
        while (!left) {
          await redis.incr('count');
          sent += 1;
        }
        return sent;
      }),
    );
    for (let n = 0; n < 6; n++) await cluster.move(space, next(await cluster.ownerOf(space)));
    left = true;
    const sent = (await counting).reduce((sum, one) => sum + one, 0);
    expect(Number(await redis.get('count'))).toBe(sent);
  });
});

describe('the address of a cluster', () => {
  it.each([
    ['redis+cluster://h:1', 'on a cluster it must name a space'],
    ['redis+cluster://', 'that of a cluster looks like'],
    ['redis+cluster://u:secret@h:1/a{b', '"a{b" must be'],
    ['redis+cluster://h:99999/a', '"h:99999" is not of the form host:port'],
    ['redis+cluster://h:1/%', 'a % in it must begin an encoding'],
  ])('%s is refused, without its password', (url, message) => {
    expect(() => openCommandConnection(url)).toThrow(message);
    expect(() => openCommandConnection(url)).not.toThrow('secret');
  });
});
