import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { runCommandLine } from '../../src/cli/program.js';
import { keys } from '../../src/redis/keys.js';
import type { Rq } from '../../src/streams/rq.js';
import { freshRq } from '../support/fresh-rq.js';
import { until } from '../support/until.js';
import { fakeTerminal, runHere } from './support/fake-io.js';
import { endAll, Rxrq, rxrq, tasksModule } from './support/rxrq.js';

let redis: Redis;
let url: string;
let rq: Rq;
freshRq((fresh) => {
  redis = fresh.client;
  url = fresh.url;
  rq = fresh.rq;
});
afterEach(endAll);

const here = async (...args: string[]): Promise<{ code: number; stderr: string }> => {
  const io = fakeTerminal({ RQ_REDIS_URL: url });
  const code = await runCommandLine(args, io);
  return { code, stderr: io.stderr };
};
const scheduledIds = () => redis.zrange(keys.scheduled('default'), '0', '-1');

describe('rxrq enqueue', () => {
  it('schedules for a date or after a pause, and job and info show it', async () => {
    const at = '2040-01-31T08:00:00+01:00';
    expect(
      (await here('enqueue', 'tasks.add', '--schedule-at', at, '--job-id', 'dated')).code,
    ).toBe(0);
    expect(
      (await here('enqueue', 'tasks.add', '--schedule-in', '10m', '--job-id', 'soon')).code,
    ).toBe(0);
    expect(await scheduledIds()).toEqual(['soon', 'dated']);
    const due = Number(await rq.queue('default').job('soon').dueAt()) - Date.now();
    expect(Math.abs(due - 600_000)).toBeLessThan(30_000);
    const told = await rxrq(url, 'job', 'dated', '--json');
    expect(told.run.objects()[0]).toMatchObject({
      status: 'scheduled',
      dueAt: '2040-01-31T07:00:00.000Z',
    });
    expect((await rxrq(url, 'info', '-r')).stdout).toContain(
      'queue default 0, 0 executing, 0 finished, 0 failed, 2 scheduled',
    );
  });

  it.each([
    [['--schedule-at', 'tomorrow'], 'It must be a date and a time'],
    [['--schedule-at', '2040-02-31T99:00:00Z'], 'It must be a date and a time'],
    [['--schedule-in', 'soon'], 'such as 90 or 1h'],
    [['--schedule-in', '-1'], 'Invalid option in'],
    [['--schedule-in', '1h', '--schedule-at', '2040-01-01T00:00:00Z'], 'exclude each other'],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await here('enqueue', 'tasks.add', ...args);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
    expect(await redis.keys('*')).toEqual([]);
  });
});

describe('rxrq scheduled', () => {
  const at = (year: number) => new Date(Date.UTC(year, 0, 31));
  beforeEach(async () => {
    await rq.queue('late').enqueueWith({ jobId: 'c', at: at(2043) }, 'tasks.add', 3);
    await rq.queue('default').enqueueWith({ jobId: 'b', at: at(2042) }, 'tasks.add', 2);
    await rq.queue('default').enqueueWith({ jobId: 'a', inMs: 600_000 }, 'tasks.add', 1);
  });

  it('lists what waits for its time, the next one first, over all queues', async () => {
    await redis.zadd(keys.scheduled('late'), 'inf', 'gone');
    const { stdout, stderr, code } = await runHere(url, 'scheduled', '--limit', '3');
    expect(code).toBe(0);
    expect(stderr).toContain('… and more');
    expect(stdout.split('\n').slice(1)).toEqual([
      '2042-01-31 00:00:00 b default tasks.add(2)',
      '2043-01-31 00:00:00 c late tasks.add(3)',
      '',
    ]);
    expect((await runHere(url, 'scheduled')).stdout).toMatch(
      /^never {15}gone late there is no such job$/m,
    );
  });

  it('lists some queues only, or what is due soon, as objects', async () => {
    expect((await runHere(url, 'scheduled', 'late', '--json')).objects).toEqual([
      {
        jobId: 'c',
        queue: 'late',
        dueAt: '2043-01-31T00:00:00.000Z',
        name: 'tasks.add',
        description: 'tasks.add(3)',
      },
    ]);
    const soon = await runHere(url, 'scheduled', '--within', '1h', '--json');
    expect(soon.objects.map(({ jobId }) => jobId)).toEqual(['a']);
    const none = await runHere(url, 'scheduled', '--within', '1m');
    expect([none.code, none.stdout, none.stderr]).toEqual([0, '', 'No scheduled jobs.\n']);
  });

  it('has the next one in info', async () => {
    const { stdout } = await runHere(url, 'info', '-Q', 'late', 'default');
    expect(stdout).toContain('1 scheduled\n  next scheduled: 2043-01-31T00:00:00.000Z\n');
    const { objects } = await runHere(url, 'info', '-Q', 'late', 'none', '--json');
    expect(objects).toMatchObject([
      { name: 'late', scheduled: 1, nextDueAt: '2043-01-31T00:00:00.000Z' },
      { name: 'none', nextDueAt: null },
      { kind: 'total' },
    ]);
  });
});

describe('rxrq scheduler', () => {
  it('moves what is due, gives its lock back, and another takes over', async () => {
    const first = new Rxrq(['scheduler', 'default', '--json'], { RQ_REDIS_URL: url });
    await first.said('"up"');
    const lock = keys.schedulerLock('default');
    const owner = await redis.get(lock);
    expect(owner).toMatch(/^\d+$/);
    const job = await rq.queue('default').enqueueWith({ inMs: 50 }, 'tasks.add', 1, 2);
    await until('it is moved', async () => (await rq.queue('default').length()) === 1);
    expect((await job.fetch()).status).toBe('queued');
    const second = new Rxrq(['scheduler', 'default', '--json'], { RQ_REDIS_URL: url });
    await second.said('"up"');
    expect(await redis.get(lock)).toBe(owner);
    first.kill('SIGTERM');
    expect(await first.code).toBe(0);
    expect(first.objects().map(({ event }) => event)).toEqual(['up', 'stopping', 'stopped']);
    await until(
      'the second one holds it',
      async () => ![null, owner].includes(await redis.get(lock)),
    );
    second.kill('SIGKILL');
    await second.code;
    expect(await redis.pttl(lock)).toBeGreaterThan(0);
  });
});

describe('rxrq worker', () => {
  const args = ['worker', '--import', tasksModule, '--isolation', 'inline', '--burst'];

  it.each([
    [['--no-scheduler'], {}, false],
    [['-s'], {}, true],
    [[], {}, true],
    [[], { RXRQ_NO_SCHEDULER: '1' }, false],
    [['-s'], { RXRQ_SCHEDULER: '0' }, true],
    [['--no-scheduler'], { RXRQ_WITH_SCHEDULER: '1' }, false],
  ])('with %j and %j: whether it moves scheduled jobs', async (flags, env, isMoved) => {
    const job = await rq.queue('default').enqueueIn('1h', 'tasks.add', 1, 2);
    await job.reschedule(new Date(0));
    const run = new Rxrq([...args, ...flags], { RQ_REDIS_URL: url, ...env });
    expect([await run.code, run.stderr]).toEqual([0, '']);
    expect((await job.fetch()).status).toBe(isMoved ? 'finished' : 'scheduled');
  });

  it('refuses to do so and not to', async () => {
    const { code, stderr } = await rxrq(url, ...args, '-s', '--no-scheduler');
    expect([code, stderr]).toEqual([2, expect.stringContaining('exclude each other')]);
  });
});
