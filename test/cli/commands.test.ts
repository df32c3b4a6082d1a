import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { runCommandLine } from '../../src/cli/program.js';
import { Rq } from '../../src/streams/rq.js';
import { freshRq } from '../support/fresh-rq.js';
import { startPrivateRedis } from '../support/redis.js';
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

const harmful = /[\p{Cf}\p{Zl}\p{Zp}\p{Cs}]|(?!\n)\p{Cc}/u;
const evil = 'evil\u001b[2J\u202e\u009b\rname';

/** A job as somebody else may have left it: failed, and with text that a terminal would obey. */
const putFailed = async (id: string, queue: string, message: string): Promise<void> => {
  const data = JSON.stringify([`tasks.${message}`, null, [message], { [message]: 1 }]);
  await redis.hset(`rq:job:${id}`, {
    data,
    status: 'failed',
    origin: queue,
    description: message,
    exc_info: `Error: ${message}\n    at ${message} (/app/a.js:1:1)`,
    ended_at: '2026-01-02T03:04:05.000000Z',
  });
  await redis.zadd(`rq:failed:${queue}`, 9_999_999_999, id);
  await redis.sadd('rq:queues', `rq:queue:${queue}`);
};

describe('usage', () => {
  it.each([
    [['bogus'], "unknown command 'bogus'"],
    [['info', '--rwa'], 'Did you mean --raw?'],
    [['run'], "missing required argument 'name'"],
    [['info', '-Q', '-W'], 'exclude each other'],
    [['enqueue', 'a.b', ':{'], 'argument 1 is not JSON'],
    [['enqueue', 'a.b', '--timeout', 'soon'], 'such as 90 or 1h'],
    [['enqueue', 'a.b', '--retry-interval', '5'], 'needs --retry-max'],
    [['enqueue', 'a.b', '-q', 'a,b'], 'Invalid queue name'],
    [['watch', '--from', 'then'], '--from must be'],
    [['watch', '--kind', 'nothing'], 'Allowed choices are'],
    [['failed', 'eat'], 'Allowed choices are list, requeue, delete'],
    [['worker'], '--import FILE is missing'],
    [['worker', '--import', 'nowhere.js'], 'there is no such file'],
    [['worker', '--import', tasksModule, '--inherit-env', 'RXRQ_URL'], 'never inherit RXRQ_URL'],
    [['worker', '--import', tasksModule, '--webhooks', 'http://a/'], 'http://a/ is no host'],
    [['worker', '--import', tasksModule, '--webhooks', 'a', '--webhooks', 'none'], 'exclude each'],
    [['worker', '--import', tasksModule, '--commands', 'stop'], 'stop is no command'],
    [['worker', '--import', tasksModule, '--commands', 'none,all'], 'none,all is no command'],
    [
      ['worker-pool', '--import', tasksModule, '--commands', 'stop-job', '--commands', 'all'],
      '--commands all and others exclude each other',
    ],
    [['worker-pool', '--import', tasksModule, '--inherit-env', 'A=b'], "'A=b' is no name"],
    [['worker-pool', '--import', tasksModule, '--webhooks', '*/'], '*/ is no host'],
    [['info', '--url', 'http://user:hunter2@host'], 'the Redis URL is not valid'],
  ])('%j ends with 2 and says why', async (args, message) => {
    const io = fakeTerminal({ RQ_REDIS_URL: url });
    expect(await runCommandLine(args, io)).toBe(2);
    expect(io.stderr).toContain(message);
    expect(io.stderr).not.toContain('hunter2');
    expect(io.stdout).toBe('');
  });

  it('prints help and version on stdout and ends with 0', async () => {
    const help = await rxrq(null, '--help');
    expect(help).toMatchObject({ code: 0, stderr: '' });
    for (const name of [
      'worker',
      'run',
      'enqueue',
      'info',
      'watch',
      'job',
      'failed',
      'requeue',
      'empty',
    ]) {
      expect(help.stdout).toMatch(new RegExp(`^ {2}${name} `, 'm'));
    }
    expect(help.stdout).toContain('Exit codes:');
    expect((await rxrq(null, '--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('a Redis that does not answer', () => {
  const secret = 'redis://user:hunter2@127.0.0.1:1/0';

  it('ends every command with 3 and shows no credentials', async () => {
    for (const args of [
      ['info'],
      ['run', 'a.b'],
      ['failed'],
      ['watch'],
      ['worker', '--import', 'package.json'],
    ]) {
      const io = fakeTerminal();
      expect([args, await runCommandLine([...args, '--url', secret], io)]).toEqual([args, 3]);
      expect(io.stderr).toContain('Redis at redis://127.0.0.1:1/0 cannot be reached: ');
      expect(io.stderr + io.stdout).not.toContain('hunter2');
    }
  });

  it('is given up within five seconds when it hangs', async () => {
    const frozen = await startPrivateRedis();
    frozen.freeze();
    const startedMs = performance.now();
    expect((await runHere(frozen.url, 'info')).code).toBe(3);
    expect(performance.now() - startedMs).toBeLessThan(6_000);
    frozen.thaw();
    await frozen.stop();
  });

  it('is taken from the flag, RQ_REDIS_URL, REDIS_URL, in this order', async () => {
    const nowhere = (port: number): string => `redis://127.0.0.1:${port}/0`;
    const env = { RQ_REDIS_URL: nowhere(2), REDIS_URL: nowhere(3) };
    const asked = async (args: string[], given: Record<string, string>): Promise<string> => {
      const io = fakeTerminal(given);
      await runCommandLine(['info', ...args], io);
      return /127\.0\.0\.1:(\d)/.exec(io.stderr)?.[1] ?? io.stderr;
    };
    expect(await asked(['--url', nowhere(1)], env)).toBe('1');
    expect(await asked([], env)).toBe('2');
    expect(await asked([], { REDIS_URL: nowhere(3), RQ_REDIS_URL: '' })).toBe('3');
  });
});

describe('enqueue', () => {
  it('prints the id, and writes what it was told', async () => {
    const args = [
      'tasks.add',
      'text',
      ':[1]',
      'k%=(1, None)',
      '-q',
      'high',
      '--job-id',
      'mine',
      '--timeout',
      '5m',
      '--ttl',
      '90',
      '--result-ttl',
      '0',
      '--failure-ttl',
      '-1',
      '--description',
      'for me',
      '--retry-max',
      '2',
      '--retry-interval',
      '1',
      '--retry-interval',
      '1m',
    ];
    expect(await rxrq(url, 'enqueue', ...args)).toMatchObject({
      code: 0,
      stdout: 'mine\n',
      stderr: '',
    });
    const { record } = await rq.fetch('mine');
    expect(record).toMatchObject({
      origin: 'high',
      description: 'for me',
      timeoutSeconds: 300,
      ttlSeconds: 90,
      resultTtlSeconds: 0,
      failureTtlSeconds: -1,
      retriesLeft: 2,
      serializer: 'json',
      call: { functionName: 'tasks.add', args: ['text', [1]], kwargs: { k: [1, null] } },
    });
    expect(await redis.hget('rq:job:mine', 'retry_intervals')).toBe('[1,60]');
  });

  it('takes pauses from the environment for jobs that are retried, and for no other', async () => {
    const pauses = async (...flags: string[]) => {
      const env = { RQ_REDIS_URL: url, RXRQ_RETRY_INTERVAL: '5,60' };
      const run = new Rxrq(['enqueue', 'tasks.add', ...flags], env);
      expect([await run.code, run.stderr]).toEqual([0, '']);
      return redis.hmget(`rq:job:${run.stdout.trim()}`, 'retries_left', 'retry_intervals');
    };
    expect(await pauses()).toEqual([null, null]);
    expect(await pauses('--retry-max', '2')).toEqual(['2', '[5,60]']);
    expect(await pauses('--retry-max', '2', '--retry-interval', '1')).toEqual(['2', '[1]']);
  });

  it('takes meta, a group and callbacks, and shows them', async () => {
    const args = ['tasks.add', '--job-id', 'mine', '--meta', '{"team": "red"}', '--group', 'night'];
    args.push('--on-success', 'tasks.shelve', '--on-failure', 'tasks.complain');
    expect(await rxrq(url, 'enqueue', ...args)).toMatchObject({ code: 0, stdout: 'mine\n' });
    expect(await rq.group('night').ids()).toEqual(['mine']);
    const { stdout, stderr } = await rxrq(url, 'job', 'mine');
    expect(stderr).toBe('');
    expect(stdout).toMatch(/group +night\n/);
    expect(stdout).toMatch(/on success +tasks.shelve \(60 s\)\n/);
    const { stdout: json } = await rxrq(url, 'job', 'mine', '--json');
    expect(JSON.parse(json)).toMatchObject({
      group: 'night',
      meta: { team: 'red' },
      callbacks: { failure: { name: 'tasks.complain', timeoutMs: 60_000 } },
      results: [],
    });
    expect(await rxrq(url, 'enqueue', 'tasks.add', '--meta', '[1]')).toMatchObject({ code: 2 });
  });

  it('writes pickle, goes to the front, and prints an object', async () => {
    await rq.queue('q').enqueue('tasks.first');
    const { code, run } = await rxrq(
      url,
      'enqueue',
      'tasks.add',
      ':2',
      '-q',
      'q',
      '--serializer',
      'pickle',
      '--at-front',
      '--json',
    );
    expect(code).toBe(0);
    const [object] = run.objects();
    expect(object).toEqual({ jobId: expect.any(String), queue: 'q', name: 'tasks.add' });
    const [first] = await rq.queue('q').jobs();
    expect(first).toMatchObject({ id: object?.jobId, serializer: 'pickle' });
  });

  it('waits for other jobs, and shows what it waits for', async () => {
    const parent = await rq.queue('q').enqueueWith({ jobId: 'parent' }, 'f');
    const flags = ['--depends-on', 'parent', '--depends-on', 'gone', '--job-id', 'child'];
    expect((await rxrq(url, 'enqueue', 'f', ...flags)).code).toBe(0);
    expect((await rq.fetch('child')).record).toMatchObject({
      status: 'deferred',
      dependencyIds: ['parent', 'gone'],
    });
    const shown = (await runHere(url, 'job', 'child')).stdout;
    expect(shown).toMatch(/waits for +parent \(queued\)\n +waits for +gone \(gone\)/);
    expect((await runHere(url, 'job', parent.id)).stdout).toMatch(/waited for by +child/);
    expect((await rxrq(url, 'job', 'child', '--json')).run.objects()[0]).toMatchObject({
      dependencies: [
        { jobId: 'parent', status: 'queued' },
        { jobId: 'gone', status: null },
      ],
      allowDependencyFailures: false,
      dependents: [],
      story: [{ kind: 'deferred' }],
    });
    const cycle = await rxrq(url, 'enqueue', 'f', '--job-id', 'gone', '--depends-on', 'child');
    expect(cycle.code).not.toBe(0);
    expect(cycle.run.stderr).toContain('gone → child → gone');
  });

  it('is quiet when it is told to', async () => {
    expect(await runHere(url, 'enqueue', 'a.b', '--quiet')).toMatchObject({ code: 0, stdout: '' });
    expect(await rq.queue().length()).toBe(1);
  });

  it('says of a job that no replica has, and what it is called', async () => {
    const args = ['enqueue', 'a.b', '--job-id', 'x', '--wait-replicas', '1'];
    const { code, stdout, stderr } = await runHere(url, ...args);
    expect([code, stdout, stderr]).toEqual([
      1,
      'x\n',
      expect.stringMatching(/"x" is enqueued, but/),
    ]);
    expect(await rq.queue().ids()).toEqual(['x']);
  });

  it('refuses an id that is taken', async () => {
    const io = fakeTerminal({ RQ_REDIS_URL: url });
    expect(await runCommandLine(['enqueue', 'a.b', '--job-id', 'x'], io)).toBe(0);
    expect(await runCommandLine(['enqueue', 'a.b', '--job-id', 'x'], io)).toBe(2);
    expect(io.stderr).toContain('a job with id x exists already');
  });
});

describe('info', () => {
  beforeEach(async () => {
    for (let i = 0; i < 12; i++) await rq.queue('default').enqueue('tasks.add');
    await rq.queue('low').enqueue('tasks.add');
    await putFailed('f1', 'low', 'oh');
    const worker = {
      queues: 'default,low',
      state: 'busy',
      hostname: 'host',
      pid: '42',
      successful_job_count: '7',
      failed_job_count: '1',
      birth: '2026-01-02T03:04:05.000000Z',
    };
    await redis.hset('rq:worker:w1', worker);
    await redis.sadd('rq:workers', 'rq:worker:w1', 'rq:worker:dead');
    await redis.sadd('rq:workers:default', 'rq:worker:w1', 'rq:worker:dead');
    await redis.sadd('rq:workers:low', 'rq:worker:w1');
  });

  it('draws what RQ draws', async () => {
    const { code, stdout } = await rxrq(url, 'info');
    expect(code).toBe(0);
    expect(stdout.split('\n').slice(0, 6)).toEqual([
      `default      |${'█'.repeat(12)} 12, 0 executing, 0 finished, 0 failed`,
      'low          |█ 1, 0 executing, 0 finished, 1 failed',
      '2 queues, 13 jobs total',
      '',
      'w1 (host 42): busy default, low. jobs: 7 finished, 1 failed',
      '1 workers, 2 queues',
    ]);
    expect(stdout).toMatch(/\n\nUpdated: .* UTC\n$/);
  });

  it('is raw, by queue, or of some queues only', async () => {
    expect((await runHere(url, 'info', '-r', 'low')).stdout).toBe(
      'queue low 1, 0 executing, 0 finished, 1 failed\nworker w1 (host 42) busy default, low. jobs: 7 finished, 1 failed\n',
    );
    expect((await runHere(url, 'info', '-W', '-R')).stdout).toBe(
      'default: w1 (busy)\nlow:     w1 (busy)\n1 workers, 2 queues\n',
    );
    expect((await runHere(url, 'info', '-Q', 'none')).stdout).toBe(
      'none         | 0, 0 executing, 0 finished, 0 failed\n1 queues, 0 jobs total\n',
    );
  });

  it('tells of paused queues and suspended workers, and for how long', async () => {
    await rq.queue('low').pause({ seconds: 100 });
    await rq.queue('default').pause();
    await rq.suspend({ seconds: 1_000 });
    expect((await runHere(url, 'info', '-Q')).stdout.split('\n')).toEqual([
      expect.stringMatching(/^All workers are suspended: \d+ s left$/),
      expect.stringMatching(/^default /),
      '  paused: until `rxrq unpause default`',
      expect.stringMatching(/^low /),
      expect.stringMatching(/^ {2}paused: \d+ s left$/),
      '2 queues, 13 jobs total',
      '',
    ]);
    expect((await runHere(url, 'info', '-Q', '--raw')).stdout).toMatch(
      /^suspended \d+ s left\nqueue default .*\npaused default until `rxrq unpause default`\nqueue low .*\npaused low \d+ s left\n$/,
    );
    const objects = (await runHere(url, 'info', '--json')).objects;
    expect(objects).toMatchObject([
      { name: 'default', paused: { secondsLeft: null } },
      { name: 'low', paused: { secondsLeft: expect.any(Number) } },
      { kind: 'worker' },
      { kind: 'total', suspended: { secondsLeft: expect.any(Number) } },
    ]);
    await rq.resume();
    expect((await runHere(url, 'info', '-W')).stdout).not.toContain('suspended');
  });

  it('prints objects of one schema', async () => {
    const objects = (await rxrq(url, 'info', '--json')).run.objects();
    expect(objects.map(({ kind }) => kind)).toEqual(['queue', 'queue', 'worker', 'total']);
    expect(objects[0]).toEqual({
      kind: 'queue',
      name: 'default',
      queued: 12,
      started: 0,
      finished: 0,
      failed: 0,
      scheduled: 0,
      deferred: 0,
      canceled: 0,
      nextDueAt: null,
      limit: null,
      paused: null,
    });
    expect(objects[2]).toEqual({
      kind: 'worker',
      name: 'w1',
      queues: ['default', 'low'],
      state: 'busy',
      hostname: 'host',
      ipAddress: '',
      pid: 42,
      version: '',
      birth: '2026-01-02T03:04:05.000Z',
      lastHeartbeat: null,
      currentJobId: null,
      finishedJobs: 7,
      failedJobs: 1,
      workingSeconds: 0,
    });
    expect(objects[3]).toMatchObject({ kind: 'total', queues: 2, jobs: 13, workers: 1 });
  });

  it('changes nothing by looking', async () => {
    // What RQ's cleaners would move or remove: leases that ran out, an id of nobody, a dead worker's name.
    await redis.zadd('rq:wip:default', 1, 'gone:execution');
    await redis.zadd('rq:failed:low', 1, 'old');
    const all = async (): Promise<unknown> => {
      const names = (await redis.keys('*')).sort();
      return Promise.all(
        names.map(async (name) => [name, (await redis.dumpBuffer(name)).toString('hex')]),
      );
    };
    const before = await all();
    await runHere(url, 'info');
    await runHere(url, 'failed');
    expect(await all()).toEqual(before);
  });

  it('goes on until Ctrl-C with an interval', async () => {
    const run = new Rxrq(['info', '-i', '0.1', '-Q', '-r'], { RQ_REDIS_URL: url });
    await until('the third look', () => run.stdout.split('queue low').length > 3);
    run.kill('SIGINT');
    expect(await run.code).toBe(130);
  });
});

describe('job', () => {
  it('shows everything', async () => {
    const job = await rq
      .queue('q')
      .enqueueWith({ meta: { a: 1 }, kwargs: { k: 'v' } }, 'tasks.add', 1, 'two');
    const { code, stdout } = await runHere(url, 'job', job.id);
    expect(code).toBe(0);
    for (const text of [
      `job ${job.id}`,
      'queued',
      'tasks.add',
      '"two"',
      '"v"',
      '{"a":1}',
      'story',
      'enqueued',
    ])
      expect(stdout).toContain(text);
    const [object, ...more] = (await rxrq(url, 'job', job.id, '--json')).run.objects();
    expect(more).toEqual([]);
    expect(object).toMatchObject({
      jobId: job.id,
      status: 'queued',
      queue: 'q',
      call: { name: 'tasks.add', args: [1, 'two'], kwargs: { k: 'v' } },
      meta: { a: 1 },
      result: null,
      traceback: null,
      problems: [],
      story: [{ kind: 'enqueued', jobId: job.id, queue: 'q' }],
    });
  });

  it('ends with 1 for an id of no job', async () => {
    const { code, stdout, stderr } = await runHere(url, 'job', evil);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('No job ');
    expect(stderr).not.toMatch(harmful);
  });
});

describe('hostile text', () => {
  it('never reaches a terminal raw', async () => {
    await putFailed(evil, evil, evil);
    await redis.hset(`rq:worker:${evil}`, {
      queues: evil,
      state: evil,
      hostname: evil,
      version: evil,
    });
    await redis.sadd('rq:workers', `rq:worker:${evil}`);
    await redis.xadd(
      `rxrq:events:${evil}`,
      '*',
      'worker',
      evil,
      'failed',
      JSON.stringify([{ jobId: evil, reason: evil, execution: { toString: 1 } }]),
    );
    for (const args of [
      ['info'],
      ['info', '-R'],
      ['info', '-r'],
      ['failed'],
      ['job', evil],
      ['failed', 'delete', evil],
    ]) {
      const io = fakeTerminal({ RQ_REDIS_URL: url }, false);
      await runCommandLine(args, io);
      const shown = io.stdout + io.stderr + io.asked.join('');
      if (!args.includes('delete')) expect(shown).toContain('evil\\x1b[2J');
      expect(shown).not.toMatch(harmful);
    }
    for (const args of [['info'], ['job', evil], ['failed']]) {
      const json = await rxrq(url, ...args, '--json');
      expect(json.code).toBe(0);
      expect(json.stdout).not.toMatch(harmful);
      expect(JSON.stringify(json.run.objects())).toContain('\\u001b[2J');
    }
    const tail = new Rxrq(['watch', '--from', 'start'], { RQ_REDIS_URL: url });
    await tail.said('evil\\x1b[2J');
    expect(tail.stdout).not.toMatch(harmful);
  });
});

describe('failed', () => {
  beforeEach(async () => {
    await putFailed('a1', 'alpha', 'disk full');
    await putFailed('a2', 'alpha', 'no network');
    await putFailed('b1', 'beta', 'Disk gone');
  });

  it('lists, by queue, by text, and only so many', async () => {
    const ids = async (...args: string[]): Promise<unknown[]> =>
      (await runHere(url, 'failed', ...args, '--json')).objects.map(({ jobId }) => jobId);
    expect((await ids()).sort()).toEqual(['a1', 'a2', 'b1']);
    expect(await ids('--queue', 'alpha')).toEqual(['a1', 'a2']);
    expect((await ids('list', '--grep', 'disk')).sort()).toEqual(['a1', 'b1']);
    expect(await ids('list', 'a2', 'unknown')).toEqual(['a2']);
    const limited = await runHere(url, 'failed', '--limit', '1');
    expect(limited.stdout.split('\n').length).toBe(2);
    expect(limited.stderr).toContain('and more');
  });

  it('prints objects of one schema', async () => {
    const [object] = (await runHere(url, 'failed', 'list', 'a1', '--json')).objects;
    expect(object).toEqual({
      jobId: 'a1',
      queue: 'alpha',
      name: 'tasks.disk full',
      description: 'disk full',
      status: 'failed',
      failedAt: '2026-01-02T03:04:05.000Z',
      attempt: 0,
      worker: '',
      reason: 'Error: disk full',
      traceback: 'Error: disk full\n    at disk full (/app/a.js:1:1)',
    });
  });

  it('asks before it changes anything, and names target and count', async () => {
    const withPassword = url.replace('//', '//:@');
    for (const action of ['requeue', 'delete']) {
      const nobody = fakeTerminal({ RQ_REDIS_URL: withPassword }, null);
      expect(await runCommandLine(['failed', action, '--all'], nobody)).toBe(2);
      expect(nobody.stderr).toContain(`${action} 3 failed jobs at ${url}? Pass --yes to do it.`);
      const no = fakeTerminal({ RQ_REDIS_URL: url }, false);
      expect(await runCommandLine(['failed', action, '--all'], no)).toBe(1);
      expect(no.asked).toHaveLength(1);
      const nothing = fakeTerminal({ RQ_REDIS_URL: url }, true);
      expect(await runCommandLine(['failed', action], nothing)).toBe(2);
    }
    expect(await rq.failedQueue.length()).toBe(3);
  });

  it('requeues and deletes what was chosen, and says what was not there', async () => {
    expect((await runHere(url, 'failed', 'requeue', '--grep', 'DISK', '--yes')).stdout).toBe(
      `2 failed jobs requeued at ${url}\n`,
    );
    expect(await rq.queue('alpha').ids()).toEqual(['a1']);
    const deleted = await runHere(url, 'failed', 'delete', 'a2', 'b1', '--yes', '--json');
    expect(deleted.objects).toEqual([{ action: 'delete', deleted: 1, selected: 1 }]);
    expect([deleted.code, deleted.stderr]).toEqual([1, 'error: not failed, or not there: b1\n']);
    expect(await redis.exists('rq:job:a2')).toBe(0);
  });
});

describe('requeue', () => {
  beforeEach(async () => {
    await putFailed('a1', 'alpha', 'x');
    await putFailed('b1', 'beta', 'x');
  });

  it("takes RQ's forms", async () => {
    expect((await runHere(url, 'requeue', '-q', 'alpha', '--all')).code).toBe(0);
    expect(await rq.queue('alpha').ids()).toEqual(['a1']);
    expect(await rq.queue('beta').ids()).toEqual([]);
    expect(await runHere(url, 'requeue', 'b1', '--queue', 'alpha')).toMatchObject({ code: 1 });
    expect((await runHere(url, 'requeue', 'b1', '--json')).objects).toEqual([
      { requeued: 1, selected: 1 },
    ]);
    expect((await runHere(url, 'requeue')).stdout).toBe('Nothing to do\n');
  });

  it('asks for all of all queues', async () => {
    const io = fakeTerminal({ RQ_REDIS_URL: url }, false);
    expect(await runCommandLine(['requeue', '--all'], io)).toBe(1);
    expect(io.asked).toEqual([`requeue 2 failed jobs of all queues at ${url}?`]);
    expect((await rxrq(url, 'requeue', '--all')).code).toBe(2);
    expect((await runHere(url, 'requeue', '--all', '--yes')).code).toBe(0);
    expect(await rq.failedQueue.length()).toBe(0);
  });
});

describe('empty', () => {
  it('deletes waiting jobs, once it may', async () => {
    for (const queue of ['a', 'a', 'b']) await rq.queue(queue).enqueue('x.y');
    expect(await runHere(url, 'empty', 'a')).toMatchObject({ code: 2, stdout: '' });
    const io = fakeTerminal({ RQ_REDIS_URL: url }, true);
    expect(await runCommandLine(['empty', 'a'], io)).toBe(0);
    expect(io.asked).toEqual([`delete 2 jobs of a at ${url}?`]);
    expect(io.stdout).toBe(`2 jobs removed from a queue at ${url}\n`);
    expect((await runHere(url, 'empty', '--all', '--yes', '--json')).objects).toEqual([
      { queue: 'a', removed: 0 },
      { queue: 'b', removed: 1 },
    ]);
    expect((await runHere(url, 'empty')).stdout).toBe('Nothing to do\n');
  });
});

describe('watch', () => {
  it('tells events as they come, of new queues too, until Ctrl-C', async () => {
    const run = new Rxrq(['watch'], { RQ_REDIS_URL: url });
    await run.said('watching all queues', 'stderr');
    const job = await rq.queue('fresh').enqueue('a.b');
    await run.said(`enqueued    fresh ${job.id}`);
    run.kill('SIGINT');
    expect(await run.code).toBe(130);
  });

  it('begins where it is told, keeps to the kinds, and prints objects', async () => {
    const queue = rq.queue('q');
    const [first] = await queue.enqueueMany([{ name: 'a.b' }, { name: 'a.b' }]);
    await first?.delete();
    const run = new Rxrq(['watch', 'q', '--from', 'start', '--json', '--kind', 'deleted'], {
      RQ_REDIS_URL: url,
    });
    await run.said('"deleted"');
    run.kill('SIGINT');
    await run.code;
    const [deleted, ...more] = run.objects();
    expect(more).toEqual([]);
    expect(deleted).toMatchObject({
      kind: 'deleted',
      jobId: first?.id,
      queue: 'q',
      cursor: expect.any(String),
      at: expect.any(Number),
    });
    const later = await queue.enqueue('a.b');
    const resumed = new Rxrq(['watch', 'q', '--from', String(deleted?.cursor), '--json'], {
      RQ_REDIS_URL: url,
    });
    await resumed.said(later.id);
    resumed.kill('SIGINT');
    await resumed.code;
    expect(resumed.objects()).toMatchObject([{ kind: 'enqueued', jobId: later.id }]);
  });

  it('survives a restart of Redis', async () => {
    const server = await startPrivateRedis({ args: ['--appendonly', 'yes'] });
    const other = new Rq({ url: server.url });
    const run = new Rxrq(['watch', 'q'], { RQ_REDIS_URL: server.url });
    await run.said('watching q', 'stderr');
    const before = await other.queue('q').enqueue('a.b');
    await run.said(before.id);
    await server.kill();
    await server.restart();
    const after = await other.queue('q').enqueue('a.b');
    await run.said(after.id);
    expect(run.stdout.split('\n').length).toBe(3);
    run.kill('SIGINT');
    expect(await run.code).toBe(130);
    await other.close();
    await server.stop();
  });
});
