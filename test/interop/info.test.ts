import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { keys } from '../../src/redis/keys.js';
import { runHere } from '../cli/support/fake-io.js';
import { describeWithPython } from '../support/python.js';
import { until } from '../support/until.js';
import { TwoSides } from './two-sides.js';

describeWithPython('`rxrq info` says what `rq info` says', ['2.12', '1.16'], (version) => {
  let sides: TwoSides;
  beforeAll(async () => {
    sides = await TwoSides.meet(version);
    const { rq, python } = sides;
    for (let n = 0; n < 27; n += 1) await rq.queue('busy-one').enqueue('nodejobs.add', n);
    await rq.queue('low').enqueue('nodejobs.add', 1);
    await rq.queue('done').enqueue('nodejobs.add', 1);
    await rq.queue('done').enqueue('nodejobs.fail', 'no');
    await sides.burst('done');
    await sides.boot({ queues: ['unused', 'done'], name: 'of-node' });
    // Else it becomes so between the two looks that are compared.
    const state = () => sides.redis.hget(keys.worker('of-node'), 'state');
    await until('it says that it is idle', async () => (await state()) === 'idle');
    await python.run(`
for name, names in [('of-python', ['busy-one', 'low']), ('another', ['low'])]:
    worker = Worker([queue(n) for n in names], name=name, connection=r)
    worker.register_birth()
    worker.set_state('suspended' if name == 'another' else 'idle')`);
  });
  afterAll(() => sides?.part());

  /** Lines in an order of ours: RQ's come as its sets give them. */
  const lines = (text: string): string[] =>
    text
      .split('\n')
      .filter((line) => !line.startsWith('Updated:'))
      // Where there is no address of a client RQ says so.
      .map((line) => line.replace(' None ', ' ').trimEnd())
      .sort();

  it.each([
    [['--raw']],
    [['-r', '-Q']],
    [['-r', '-W', 'low', 'done']],
    [['low', 'busy-one']],
    [['-Q', 'none', 'low']],
    [['-W', 'busy-one']],
    [['-R', 'low', 'busy-one', 'done']],
    [['-W', '-R', 'low', 'none']],
    [[]],
  ])('%j', async (args) => {
    const theirs = await sides.python.run<string>("return cli('info', *args)", { args });
    const { stdout, stderr, code } = await runHere(sides.url, 'info', ...args);
    expect([code, stderr]).toEqual([0, '']);
    expect(lines(stdout)).toEqual(lines(theirs));
  });

  it('counts no entry whose lifetime is over, and removes none', async () => {
    const { redis, rq, python } = sides;
    for (const registry of ['finished', 'failed'] as const) {
      const key = keys[registry]('over');
      await redis.zadd(
        key,
        1,
        'gone',
        9e9,
        'kept',
        registry === 'failed' ? -1 : '+inf',
        'for-ever',
      );
    }
    await redis.sadd(keys.queues, keys.queue('over'));
    const counts = { ...(await rq.queue('over').counts()) };
    expect(counts).toMatchObject({ finished: 2, failed: 2 });
    expect(await redis.zcard(keys.finished('over'))).toBe(3);
    expect(await python.run('return counts(name)', { name: 'over' })).toMatchObject({
      finished: counts.finished,
      failed: counts.failed,
    });
    await redis.del(keys.finished('over'), keys.failed('over'));
    await redis.srem(keys.queues, keys.queue('over'));
  });

  it('shows a suspended worker of Node alike, and says beside it that all are', async () => {
    await sides.rq.suspend();
    const state = () => sides.redis.hget(keys.worker('of-node'), 'state');
    await until('it says so', async () => (await state()) === 'suspended');
    const theirs = lines(await sides.python.run<string>("return cli('info')"));
    const ours = lines((await runHere(sides.url, 'info')).stdout);
    expect(theirs.join('\n')).toMatch(/of-node \(.*\): suspended unused, done\./);
    expect(ours.filter((line) => !theirs.includes(line))).toEqual([
      'All workers are suspended: until `rxrq resume`',
    ]);
    expect(theirs.filter((line) => !ours.includes(line))).toEqual([]);
    await sides.rq.resume();
  });
});
