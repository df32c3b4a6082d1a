import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { keys } from '../../src/redis/keys.js';
import type { Rq } from '../../src/streams/rq.js';
import { freshRq } from '../support/fresh-rq.js';
import { until } from '../support/until.js';
import { endAll, Rxrq, rxrq } from './support/rxrq.js';

let redis: Redis;
let url: string;
let rq: Rq;
freshRq((fresh) => {
  redis = fresh.client;
  url = fresh.url;
  rq = fresh.rq;
});
afterEach(endAll);

const fixture = (name: string): string =>
  fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));
const start = (...args: string[]): Rxrq =>
  new Rxrq(['cron', fixture('cron.js'), '--json', ...args], { RQ_REDIS_URL: url });
const lastDueMs = async (name: string, queue: string): Promise<number> =>
  Number((await redis.hget(keys.cron(queue), name))?.split(' ')[0] ?? 0);

describe('rxrq cron', () => {
  it('enqueues each tick once, with two processes, kill -9 and a frozen one', async () => {
    const ticks = () => rq.queue('ticks').length();
    const first = start();
    const second = start();
    await Promise.all([first.said('"up"'), second.said('"up"')]);
    await until('some ticks', async () => (await ticks()) >= 2);
    // One freezes, the other dies without a word; a third one comes up, and the frozen one wakes.
    second.kill('SIGSTOP');
    const before = await ticks();
    await until('one goes on alone', async () => (await ticks()) >= before + 2);
    first.kill('SIGKILL');
    await first.code;
    const killedAtMs = await lastDueMs('each second', 'ticks');
    await until(
      'ticks are missing',
      async () =>
        Number(((await redis.time()) as unknown as number[])[0]) * 1_000 > killedAtMs + 2_000,
    );
    const third = start();
    await third.said('"up"');
    second.kill('SIGCONT');
    const awake = await ticks();
    await until('they go on', async () => (await ticks()) >= awake + 3);
    for (const run of [second, third]) run.kill('SIGTERM');
    expect([await second.code, await third.code]).toEqual([0, 0]);

    // Of the catch-up, too, not a tick is missing or there twice.
    const ids = await rq.queue('ticks').ids();
    const dues = [first, second, third].flatMap((run) =>
      run
        .objects()
        .filter(({ event, name }) => event === 'enqueued' && name === 'each second')
        .map(({ due }) => Date.parse(due as string)),
    );
    const firstDueMs = Math.min(...dues);
    const count = ((await lastDueMs('each second', 'ticks')) - firstDueMs) / 1_000 + 1;
    expect(ids).toHaveLength(count);
    expect(new Set(dues).size).toBe(dues.length);
    expect(await redis.zcard(keys.cronHistory('each second'))).toBe(count);
    // The interval makes up for nothing and never comes twice within its time.
    const intervals = await rq.queue('intervals').length();
    expect(intervals).toBeLessThanOrEqual(count + 1);
    expect(intervals).toBeGreaterThanOrEqual(4);
  }, 60_000);

  it('tells what it does, is listed while it is up, and leaves with 0', async () => {
    const run = start('--name', 'the-cron');
    await run.said('"enqueued"');
    const shown = await until('it is listed with its times', async () => {
      const { stdout } = await rxrq(url, 'cron', '--list');
      return stdout.includes('next 2') && stdout;
    });
    expect(shown).toMatch(/^the-cron \(\S+ \d+\) \S+cron\.js$/m);
    expect(shown).toMatch(/^ {2}each second on ticks: \* \* \* \* \* \*, last \S+, next \S+Z$/m);
    expect(shown).toMatch(/^ {2}tasks.echo on intervals: every 1 s, last \S+, next \S+Z$/m);
    expect(shown).toMatch(/^1 cron processes$/m);
    const listed = await rxrq(url, 'cron', '--list', '--json');
    expect(JSON.parse(listed.stdout)).toMatchObject({ name: 'the-cron', entries: [{}, {}] });
    run.kill('SIGINT');
    expect(await run.code).toBe(0);
    const objects = run.objects();
    expect(objects[0]).toMatchObject({
      event: 'up',
      cron: 'the-cron',
      entries: ['each second', 'tasks.echo'],
    });
    expect(objects.find(({ event }) => event === 'enqueued')).toEqual({
      event: 'enqueued',
      at: expect.any(String),
      name: expect.any(String),
      queue: expect.any(String),
      functionName: expect.stringMatching(/^tasks\./),
      jobId: expect.any(String),
      due: expect.any(String),
      lateMs: expect.any(Number),
    });
    expect(objects.slice(-2)).toMatchObject([
      { event: 'stopping', signal: 'SIGINT' },
      { event: 'stopped' },
    ]);
    expect((await rxrq(url, 'cron', '--list')).stdout).toBe('0 cron processes\n');
  });

  it('says which entry and which field of a file is wrong, and ends with 2', async () => {
    const { code, stderr } = await rxrq(url, 'cron', fixture('cron-broken.ts'));
    expect(code).toBe(2);
    expect(stderr).toContain('Cron entry 1 (nightly), cron: ');
    expect(stderr).toContain('25');
    expect(await redis.dbsize()).toBe(0);
  });

  it.each([
    [[], 'FILE is missing'],
    [[fixture('tasks.js')], 'it exports no entries'],
    [[fixture('nowhere.js')], 'it did not load'],
    [['shop/cron.py'], 'shop/cron.py is a Python module, which Node cannot read: export'],
    [['shop.cron'], 'with defineCron from a module of'],
    [['nowhere.mts'], 'it did not load'],
    [[fixture('broken.js')], 'it did not load'],
    [[fixture('cron.js'), '--name', 'a b'], 'Invalid option name'],
  ])('ends with 2 for %j', async (args, reason) => {
    const { code, stderr } = await rxrq(url, 'cron', ...args);
    expect(stderr).toContain(reason);
    expect(code).toBe(2);
  });

  it('ends with 3 when there is no Redis', async () => {
    const { code } = await rxrq('redis://127.0.0.1:1', 'cron', fixture('cron.js'));
    expect(code).toBe(3);
  });
});
