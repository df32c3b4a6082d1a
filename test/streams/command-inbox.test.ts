import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import type { RedisServer } from '../../scripts/redis-server.mjs';
import { openCommandConnection } from '../../src/redis/connection.js';
import { keys } from '../../src/redis/keys.js';
import { sendCommand } from '../../src/redis/transitions/command.js';
import { registerBirth, type WorkerRecord } from '../../src/redis/transitions/worker-life.js';
import type { WorkerCommand } from '../../src/redis/worker-command.js';
import { awaitAnswer } from '../../src/streams/await-answer.js';
import { CommandInbox } from '../../src/streams/command-inbox.js';
import { startPrivateRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const record: WorkerRecord = {
  name: 'w',
  queues: ['q'],
  state: 'idle',
  fields: { version: 'rxrq' },
};

describe('the inbox of a worker', () => {
  let server: RedisServer;
  let redis: Redis;
  let subscriber: Redis;
  let inbox: CommandInbox | null = null;
  let heard: WorkerCommand[] = [];
  let troubles: unknown[] = [];
  beforeAll(async () => {
    server = await startPrivateRedis();
    redis = openCommandConnection(server.url);
  });
  afterEach(async () => {
    inbox?.close();
    await redis.flushdb();
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  const open = async (lookEveryMs = 60_000): Promise<void> => {
    heard = [];
    troubles = [];
    subscriber = openCommandConnection(server.url);
    inbox = new CommandInbox(redis, subscriber, 'w', {
      onCommand: (command) => {
        heard.push(command);
        return { ok: true, state: `heard ${heard.length}` };
      },
      onTrouble: (error) => troubles.push(error),
    });
    await inbox.start(lookEveryMs);
  };
  const listeners = async (): Promise<number> =>
    Number((await redis.pubsub('NUMSUB', keys.commandsTo('w')))[1]);

  it('hears a command once, though it lies in the mailbox too, and answers', async () => {
    await registerBirth(redis, record, 60);
    await open();
    const reached = await sendCommand(redis, 'w', { command: 'rxrq-ping' }, 'one');
    expect(reached).toEqual({ kind: 'ours', listeners: 1 });
    expect(await awaitAnswer(redis, 'one', 5_000)).toEqual({ ok: true, state: 'heard 1' });
    await inbox?.look();
    await inbox?.look();
    expect(heard).toEqual([{ command: 'rxrq-ping' }]);
    expect(await redis.exists(keys.mailbox('w'))).toBe(0);
  });

  it('finds what came while it was not subscribed, in order, and listens again', async () => {
    await registerBirth(redis, record, 60);
    await open();
    const id = await redis.client('LIST').then((list) => {
      const line = String(list)
        .split('\n')
        .find((client) => / sub=1 /.test(client));
      return /^id=(\d+)/.exec(line ?? '')?.[1] as string;
    });
    // The reconnect comes 50 ms later at the earliest; what is sent together with the kill is not heard.
    const multi = redis.multi().client('KILL', 'ID', id);
    multi.rpush(keys.mailbox('w'), '{"command":"stop-job","job_id":"a","rxrq_id":"first"}');
    multi.rpush(keys.mailbox('w'), 'garbage');
    multi.rpush(keys.mailbox('w'), '{"command":"shutdown","rxrq_id":"second"}');
    await multi.exec();
    await until('both are heard', () => heard.length === 2);
    expect(heard).toEqual([{ command: 'stop-job', jobId: 'a' }, { command: 'shutdown' }]);
    expect(troubles).toHaveLength(1);
    await until('it listens', async () => (await listeners()) === 1);
    await redis.publish(keys.commandsTo('w'), '{"command": "kill-horse"}');
    await until('the third is heard', () => heard.length === 3);
  });

  it('looks into the mailbox again and again', async () => {
    await open(20);
    await redis.rpush(keys.mailbox('w'), '{"command":"shutdown","rxrq_id":"quiet"}');
    await until('it is heard', () => heard.length === 1);
    expect(await awaitAnswer(redis, 'quiet', 5_000)).toMatchObject({ ok: true });
  });

  it('sends nothing to a worker that is not there, or has died', async () => {
    expect(await sendCommand(redis, 'w', { command: 'shutdown' }, 'x')).toEqual({ kind: 'nobody' });
    await redis.hset(keys.worker('w'), 'version', 'rxrq', 'death', 'yesterday');
    expect(await sendCommand(redis, 'w', { command: 'shutdown' }, 'x')).toEqual({ kind: 'nobody' });
    expect(await redis.exists(keys.mailbox('w'))).toBe(0);
  });

  it('leaves nothing in the mailbox of a Python worker', async () => {
    await redis.hset(keys.worker('w'), 'version', '2.12.0');
    const reached = await sendCommand(redis, 'w', { command: 'shutdown' }, 'x');
    expect(reached).toEqual({ kind: 'python', listeners: 0 });
    expect(await redis.exists(keys.mailbox('w'))).toBe(0);
  });

  it('is emptied by a birth: what was meant for the dead one is not obeyed', async () => {
    await redis.rpush(keys.mailbox('w'), '{"command":"shutdown","rxrq_id":"old"}');
    await registerBirth(redis, record, 60);
    await open();
    await inbox?.look();
    expect(heard).toEqual([]);
  });

  it.each([
    ['the worker', keys.worker('w')],
    ['the mailbox', keys.mailbox('w')],
  ])('refuses to send where %s has a wrong type', async (_, key) => {
    await registerBirth(redis, record, 60);
    await redis.del(key);
    await redis.set(key, 'odd');
    const sent = sendCommand(redis, 'w', { command: 'shutdown' }, 'x');
    await expect(sent).rejects.toThrow(`Key ${key} holds a string`);
  });

  it('goes on where its mailbox has a wrong type, and says so', async () => {
    await redis.set(keys.mailbox('w'), 'odd');
    await open();
    await until('it is told', () => troubles.length > 0);
    await redis.publish(keys.commandsTo('w'), '{"command": "shutdown"}');
    await until('it hears', () => heard.length === 1);
  });
});
