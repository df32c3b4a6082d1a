import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import type { Rq } from '../../src/streams/rq.js';
import { freshRq } from '../support/fresh-rq.js';
import { until } from '../support/until.js';
import { runHere } from './support/fake-io.js';
import { endAll, Rxrq, rxrq, tasksModule } from './support/rxrq.js';

let url: string;
let rq: Rq;
freshRq((fresh) => {
  url = fresh.url;
  rq = fresh.rq;
});
afterEach(endAll);
const directory = mkdtempSync(join(tmpdir(), 'rxrq-worker-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const start = (...args: string[]): Rxrq => new Rxrq(['worker', ...args], { RQ_REDIS_URL: url });
const startUp = async (...args: string[]): Promise<Rxrq> => {
  const worker = start('--import', tasksModule, ...args);
  await worker.said('event=up');
  return worker;
};
const hasBegun = (file: string, runs = 1): Promise<true> =>
  until(`run ${runs} has begun`, () => {
    try {
      return readFileSync(file, 'utf8').length >= runs || null;
    } catch {
      return null;
    }
  });
const broken = fileURLToPath(new URL('./fixtures/broken.js', import.meta.url));

describe('two terminals', () => {
  it('a worker in one, run in the other prints the result', async () => {
    const worker = await startUp('default');
    expect(await rxrq(url, 'run', 'tasks.add', '2', '3')).toMatchObject({ code: 0, stdout: '5\n' });
    expect((await rxrq(url, 'run', 'tasks.echo', 'a', ':[1]')).stdout).toBe('["a",[1]]\n');
    expect((await rxrq(url, 'run', 'tasks.text', 'two\nlines')).stdout).toBe('two\nlines\n');
    const { run } = await rxrq(url, 'run', 'tasks.echo', 'k=v', '--json');
    expect(run.objects()).toEqual([
      { jobId: expect.any(String), queue: 'default', status: 'finished', result: [{ k: 'v' }] },
    ]);
    worker.kill('SIGTERM');
    expect(await worker.code).toBe(0);
    expect(worker.stdout).toMatch(
      /^event=up at=\S+ worker=\S+ queues=default concurrency=1 isolation=pool handlers=\S*tasks.add\S*$/m,
    );
    expect(worker.stdout).toMatch(
      /^event=finished at=\S+ queue=default jobId=\S+ name=tasks.add attempt=1 tookMs=\d+$/m,
    );
    expect(worker.stdout).toMatch(/^event=stopping at=\S+ signal=SIGTERM how=warm inHand=0$/m);
    expect(worker.stdout).toMatch(/^event=stopped at=\S+ finished=4 failed=0 left=""$/m);
  });

  it('tells how the job goes, on stderr', async () => {
    const worker = await startUp();
    const { stdout, stderr } = await rxrq(url, 'run', 'tasks.talk');
    expect(stdout).toBe('said\n');
    expect(stderr).toMatch(/^started by \S+$/m);
    expect(stderr).toContain('progress 50%\n');
    expect(stderr).toContain('log warn: half\\x1b[31m way\n');
    await worker.said('stream=stdout text="to stdout"');
    await worker.said('stream=stderr text="to \\u001b[2Jstderr"');
  });

  it('ends with 1 when the job fails, and says how to run it again', async () => {
    const worker = await startUp();
    const failed = await rxrq(url, 'run', 'tasks.boom');
    expect(failed).toMatchObject({ code: 1, stdout: '' });
    expect(failed.stderr).toContain('Error: no data \\x1b[31mfor\\u202e 42');
    expect(failed.stderr).toMatch(/at boom \(.*tasks\.js:/);
    expect(failed.stderr).not.toContain('node:internal');
    const [id] = await rq.failedQueue.ids();
    expect(failed.stderr).toContain(`To run it again: rxrq requeue ${id}\n`);
    expect(worker.stdout).toMatch(
      /^event=quarantined .*name=tasks.boom attempt=1 .*reason="Error: no data/m,
    );
    const json = await rxrq(url, 'run', 'tasks.boom', '--json');
    expect(json.code).toBe(1);
    expect(json.run.objects()).toEqual([
      {
        jobId: expect.any(String),
        queue: 'default',
        status: 'failed',
        reason: 'Error: no data \u001b[31mfor\u202e 42',
        traceback: expect.stringContaining('at boom'),
      },
    ]);
  });

  it('gives up waiting when it is told to, and on Ctrl-C; the job stays', async () => {
    const late = await rxrq(url, 'run', 'tasks.add', '1', '2', '--wait', '0.2');
    expect(late).toMatchObject({ code: 1, stdout: '' });
    expect(late.stderr).toMatch(/no result within 0.2 s; the job goes on: rxrq job \S+/);
    const run = new Rxrq(['run', 'tasks.add'], { RQ_REDIS_URL: url });
    await until('the second job', async () => (await rq.queue().length()) === 2);
    await run.said('No worker listens to queue default', 'stderr');
    run.kill('SIGINT');
    expect(await run.code).toBe(130);
    expect(run.stderr).toContain('the job goes on: rxrq job ');
    expect(await rq.queue().length()).toBe(2);
  });
});

describe('a worker', () => {
  it('that is killed in the middle of a job loses nothing: the next one runs it again', async () => {
    const file = join(directory, 'once-more');
    const first = await startUp('--lease', '2');
    const run = new Rxrq(['run', 'tasks.onceMore', file], { RQ_REDIS_URL: url });
    await hasBegun(file);
    first.kill('SIGKILL');
    await first.code;
    const second = await startUp('--lease', '2');
    expect(await run.code).toBe(0);
    expect(run.stdout).toBe('run 2\n');
    expect(run.stderr).toContain('its worker was lost, runs again');
    second.kill('SIGINT');
    expect(await second.code).toBe(0);
  });

  it('whose module does not load ends with 2 at once, says why, and claims nothing', async () => {
    await rq.queue().enqueue('tasks.add', 1, 2);
    for (const isolation of ['pool', 'inline']) {
      const startedMs = performance.now();
      const worker = start('--import', broken, '--isolation', isolation, '--name', 'same-name');
      expect(await worker.code).toBe(2);
      expect(performance.now() - startedMs).toBeLessThan(15_000);
      expect(worker.stderr).toContain('Error: the module is broken');
    }
    expect(await rq.queue().length()).toBe(1);
    expect(await rq.workers()).toEqual([]);
  });

  it('refuses bad options, and a name that is taken, with 2', async () => {
    for (const [option, value] of [
      ['--concurrency', '0'],
      ['--isolation', 'thread'],
      ['--prefetch', '3'],
      ['--lease', '0.1'],
      ['--name', 'a,b'],
    ] as const) {
      const { code, stderr } = await runHere(url, 'worker', '--import', tasksModule, option, value);
      expect([option, code]).toEqual([option, 2]);
      expect(stderr).toContain(option.slice(2));
    }
    await startUp('--name', 'taken');
    const second = start('--import', tasksModule, '--name', 'taken');
    expect(await second.code).toBe(2);
    expect(second.stderr).toContain('A worker named "taken" is alive already');
  });

  it('stops when the queues are empty, or after so many jobs', async () => {
    await rq
      .queue('q')
      .enqueueMany(Array.from({ length: 5 }, () => ({ name: 'tasks.add', args: [1, 2] })));
    const some = start('q', '--import', tasksModule, '--max-jobs', '2', '--json');
    expect(await some.code).toBe(0);
    expect(some.objects().at(-1)).toMatchObject({
      event: 'stopped',
      finished: 2,
      failed: 0,
      left: [],
    });
    const rest = start(
      'q',
      '--import',
      tasksModule,
      '--burst',
      '--isolation',
      'fork-per-job',
      '--concurrency',
      '2',
      '--json',
    );
    expect(await rest.code).toBe(0);
    expect(rest.objects().find(({ event }) => event === 'up')).toMatchObject({
      queues: ['q'],
      concurrency: 2,
      isolation: 'fork-per-job',
    });
    expect(rest.objects().at(-1)).toMatchObject({ event: 'stopped', finished: 3 });
  });

  it('prints nothing but objects with --json, what handlers print in its own process included', async () => {
    await rq.queue().enqueue('tasks.talk');
    const worker = start('--import', tasksModule, '--burst', '--isolation', 'inline', '--json');
    expect(await worker.code).toBe(0);
    const objects = worker.objects();
    const job = objects.find(({ event }) => event === 'finished');
    expect(job).toEqual({
      event: 'finished',
      at: expect.any(String),
      queue: 'default',
      jobId: expect.any(String),
      name: 'tasks.talk',
      attempt: 1,
      tookMs: expect.any(Number),
    });
    const output = objects.filter(({ event }) => event === 'output');
    expect(output.map(({ jobId, stream, text }) => [jobId, stream, text])).toEqual([
      [job?.jobId, 'stdout', 'to stdout'],
      [job?.jobId, 'stderr', 'to \u001b[2Jstderr'],
    ]);
    expect(worker.stderr).toBe('');
  });

  it('thins its lines at high rates, and says how many it left out', async () => {
    await rq
      .queue()
      .enqueueMany(Array.from({ length: 2_000 }, () => ({ name: 'tasks.add', args: [1, 2] })));
    const worker = start('--import', tasksModule, '--burst', '--json');
    expect(await worker.code).toBe(0);
    const objects = worker.objects();
    const printed = objects.filter(({ event }) => event === 'finished').length;
    const leftOut = objects
      .filter(({ event }) => event === 'leftOut')
      .reduce((sum, { lines }) => sum + Number(lines), 0);
    expect(printed + leftOut).toBe(2_000);
    expect(leftOut).toBeGreaterThan(0);
    expect(objects.at(-1)).toMatchObject({ event: 'stopped', finished: 2_000 });
  });

  it('lets a job end at the first signal, and stops at the second, handing it back', async () => {
    const [bed, file] = [join(directory, 'bed'), join(directory, 'patient')];
    const patient = await startUp();
    const nap = await rq.queue().enqueue('tasks.nap', bed, 700);
    await hasBegun(bed);
    patient.kill('SIGINT');
    expect(await patient.code).toBe(0);
    expect((await nap.fetch()).status).toBe('finished');

    const hurried = await startUp();
    const job = await rq.queue().enqueue('tasks.wait', file);
    await hasBegun(file);
    hurried.kill('SIGINT');
    await hurried.said('how=warm inHand=1');
    hurried.kill('SIGINT');
    expect(await hurried.code).toBe(0);
    expect(hurried.stdout).toMatch(/how=cold/);
    expect((await job.fetch()).status).toBe('queued');
  });

  it('waits only so long with --grace', async () => {
    const file = join(directory, 'grace');
    const worker = await startUp('--grace', '0.2');
    const job = await rq.queue().enqueue('tasks.wait', file);
    await hasBegun(file);
    worker.kill('SIGTERM');
    expect(await worker.code).toBe(0);
    expect((await job.fetch()).status).toBe('queued');
  });

  it('is seen by info while it lives, and not afterwards', async () => {
    const worker = await startUp('high', 'default', '--name', 'seen');
    expect((await rxrq(url, 'info', 'high', '-W')).stdout).toMatch(
      /^seen \(.+ \d+\): (started|idle) high, default\. jobs: 0 finished, 0 failed\n1 workers, 1 queues\n$/,
    );
    worker.kill('SIGTERM');
    await worker.code;
    expect((await rxrq(url, 'info', 'high', '-W')).stdout).toBe('0 workers, 1 queues\n');
  });
});
