import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { makeProgram } from '../../src/cli/program.js';
import { audit } from '../../src/redis/audit/audit.js';
import { keys } from '../../src/redis/keys.js';
import type { Rq } from '../../src/streams/rq.js';
import { freshRq } from '../support/fresh-rq.js';
import { oddKeys, putTwoOfEach, spoil } from '../support/odd-keys.js';
import { fakeTerminal, runHere } from './support/fake-io.js';

let redis: Redis;
let url: string;
let rq: Rq;
freshRq((fresh) => {
  redis = fresh.client;
  url = fresh.url;
  rq = fresh.rq;
});
beforeEach(() => putTwoOfEach(redis));

const run = (line: string) => runHere(url, ...line.split(' '));

interface Look {
  /** Of its output, whatever is spoilt beside it. */
  shows: RegExp;
  code: number;
  /** All that it shows is in here: nothing is left to be shown. */
  whole?: string;
}

/** Every command that only looks, and ends by itself. */
const looks: Readonly<Record<string, Look>> = {
  info: { shows: /(sound +\|█+ 1, 0 executing|^0 queues)[\s\S]*^sound \(\): idle sound/m, code: 0 },
  'info --json': { shows: /"kind":"total"/, code: 0 },
  'info --by-queue odd sound failed': { shows: /sound: +sound \(idle\)/, code: 0 },
  'job failed-sound': { shows: /Error: of sound/, code: 0 },
  'job failed-odd': { shows: /odd/, code: 0, whole: keys.job('failed-odd') },
  scheduled: { shows: /scheduled-sound sound/, code: 0, whole: keys.queues },
  'scheduled odd sound --json': { shows: /"jobId":"scheduled-sound"/, code: 0 },
  failed: { shows: /failed-sound sound/, code: 0, whole: keys.queues },
  'failed --queue odd': { shows: /^/, code: 0 },
  'failed list failed-odd failed-sound --json': { shows: /"jobId":"failed-sound"/, code: 0 },
  'limit odd': { shows: /odd/, code: 0 },
  'cron --list': { shows: /sound \(h\)/, code: 0, whole: keys.cronSchedulers },
  // Workers of Python's that are not there: both are asked, and neither answers.
  'ping --all': { shows: /Worker "sound"/, code: 1, whole: keys.workers },
  // Warnings there always are: this Redis keeps nothing.
  'doctor --no-keys': { shows: /! persistence[\s\S]* at redis:/, code: 1 },
};
/** These, too; here each key is looked at by what they are made of, for they take their time. */
const slow = ['doctor', 'audit'];
const others = [
  ...['worker', 'worker-pool', 'run', 'enqueue', 'scheduler', 'requeue', 'empty', 'stop', 'config'],
  ...['suspend', 'resume', 'pause', 'unpause', 'shutdown', 'kill-horse', 'watch'],
];

describe('a key of a wrong type', () => {
  it('is met by every command that only looks', () => {
    const { commands } = makeProgram(fakeTerminal(), () => undefined);
    const names = commands.map((command) => command.name()).filter((name) => name !== 'help');
    const looking = Object.keys(looks).map((line) => line.split(' ')[0]);
    expect([...new Set([...looking, ...slow, ...others])].sort()).toEqual(names.sort());
  });

  it.each([null, ...oddKeys])('%s hides nothing of the rest', async (key) => {
    if (key !== null) await spoil(redis, key);
    for (const [line, { shows, code, whole }] of Object.entries(looks)) {
      const said = await run(line);
      const text = `${said.stdout}${said.stderr}`;
      if (whole === key || (line === 'limit odd' && isOfLimit(key))) {
        expect([line, said.code, said.stderr]).toEqual([
          line,
          1,
          `error: Key ${key} has a wrong type\n`,
        ]);
        continue;
      }
      const ends = line.startsWith('doctor') && text.includes('✗') ? 4 : code;
      expect([line, said.code, text]).toEqual([line, ends, expect.stringMatching(shows)]);
      expect([line, text]).toEqual([line, expect.not.stringMatching(/^error:|WRONGTYPE/m)]);
    }
    const { findings } = await audit(redis, rq.wire, { intervalMs: 1, sweptWithinMs: 1 });
    expect(findings.filter(({ seen }) => seen.includes('sound has a wrong type'))).toEqual([]);
  });

  const isOfLimit = (key: string | null): boolean =>
    key === keys.startLimit('odd') || key === keys.starts('odd');

  it('is named by info, which shows `?` for what it does not know', async () => {
    for (const key of [
      keys.wip('odd'),
      keys.scheduled('odd'),
      keys.worker('odd'),
      keys.rateLimit('odd'),
    ])
      await spoil(redis, key);
    const { stdout, stderr } = await run('info');
    expect(stdout).toContain(' 1, ? executing, 0 finished, 1 failed, ? scheduled\n');
    expect(stdout).toContain('sound (): idle sound.');
    expect(stdout).not.toContain('odd ()');
    expect(stderr.split('\n').sort()).toEqual([
      '',
      'left out: Key rq:rl:odd has a wrong type',
      'left out: Key rq:scheduled:odd has a wrong type',
      'left out: Key rq:wip:odd has a wrong type',
      'left out: Key rq:worker:odd has a wrong type',
    ]);
    const { objects } = await run('info --json');
    const odd = objects.find(({ kind, name }) => kind === 'queue' && name === 'odd');
    expect(odd).toMatchObject({ queued: 1, started: null, finished: 0, scheduled: null });
    await spoil(redis, keys.failed('odd'));
    expect((await run('info failed')).stdout).toContain('0 finished, ? failed\n');
  });

  it('of a result is told in its place', async () => {
    await spoil(redis, keys.results('failed-odd'));
    const reason = 'Key rq:results:failed-odd has a wrong type';
    const { objects } = await run('failed --json');
    expect(objects).toMatchObject([
      { jobId: 'failed-sound', reason: 'Error: of sound' },
      { jobId: 'failed-odd', reason },
    ]);
    const job = await run('job failed-odd --json');
    expect(job.objects).toMatchObject([{ status: 'failed', problems: [reason] }]);
    expect((await run('job failed-odd')).stdout).toContain(reason);
  });

  it.each([
    'requeue --all --yes',
    'failed requeue --all --yes',
    'failed requeue --queue sound --yes',
  ])('keeps no sound job from `rxrq %s`', async (line) => {
    await redis.zadd(keys.failed('sound'), 1, 'failed-odd');
    await spoil(redis, keys.job('failed-odd'));
    const { code, stdout, stderr } = await run(line);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: 'left out: Key rq:job:failed-odd has a wrong type\n',
    });
    expect(stdout).toMatch(/^1 (failed job|jobs) requeued/);
    expect(await redis.lrange(keys.queue('sound'), 0, -1)).toContain('failed-sound');
  });

  it('that was asked for by its id is not there, and is named', async () => {
    await spoil(redis, keys.job('failed-odd'));
    const { code, stderr } = await run('requeue failed-odd failed-sound');
    expect(code).toBe(1);
    expect(stderr).toContain('left out: Key rq:job:failed-odd has a wrong type\n');
    expect(stderr).toContain('not failed, or not there: failed-odd\n');
    expect(await redis.lrange(keys.queue('sound'), 0, -1)).toContain('failed-sound');
  });

  it('is a problem for doctor', async () => {
    const typesOf = async (line: string) => {
      const { code, objects } = await run(line);
      return [code, objects.find(({ check }) => check === 'key-types')];
    };
    const fine = [1, expect.objectContaining({ level: 'ok' })];
    expect(await typesOf('doctor --no-keys --json')).toEqual(fine);
    for (const key of [keys.worker('odd'), keys.canceled('odd'), keys.scheduler('odd')])
      await spoil(redis, key);
    const what = ['rq:canceled:odd', 'rq:scheduler:odd', 'rq:worker:odd']
      .map((key) => `Key ${key} has a wrong type`)
      .join(', ');
    const told = [4, expect.objectContaining({ level: 'problem', what })];
    expect(await typesOf('doctor --no-keys --json')).toEqual(told);
    expect(await typesOf('doctor --interval 1 --json')).toEqual(told);
    expect((await run('audit --interval 1')).stdout).toContain('rq:canceled:odd has a wrong type');
  });

  it('or more of them end neither doctor nor audit', async () => {
    for (const key of oddKeys) await spoil(redis, key);
    expect((await run('doctor --interval 1')).stdout).toContain('Key rq:workers has a wrong type');
    expect(await run('audit --interval 1')).toMatchObject({ code: 1, stderr: '' });
  });
});
