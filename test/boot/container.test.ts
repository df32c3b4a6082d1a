import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Rq } from '../../src/streams/rq.js';
import { type FreshRedis, freshRedis } from '../support/redis.js';
import { fixture, WorkerProcess } from './support/worker-process.js';

interface Built {
  text: string;
  pid: number;
  jobId: string;
  isSignal: boolean;
  isPoolOpen: boolean;
  isShared: boolean;
}

let redis: FreshRedis;
let rq: Rq;
const directory = mkdtempSync(join(tmpdir(), 'rxrq-boot-'));
let logs = 0;

beforeAll(async () => {
  redis = await freshRedis();
  rq = new Rq({ url: redis.url });
});
afterEach(async () => {
  await WorkerProcess.endAll();
  await redis.client.flushdb();
});
afterAll(async () => {
  await rq.close();
  await redis.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Runs the calls in a burst of one worker; gives the results and the log of each process. */
const burst = async (
  calls: readonly (readonly [name: string, ...args: unknown[]])[],
  options: Record<string, unknown>,
) => {
  const queue = rq.queue();
  const jobs = await queue.enqueueMany(calls.map(([name, ...args]) => ({ name, args })));
  logs += 1;
  const log = join(directory, `${logs}.log`);
  const worker = new WorkerProcess(
    {
      url: redis.url,
      burst: true,
      handlers: fixture('services.ts'),
      container: fixture('configure.ts'),
      env: { RXRQ_TEST_LOG: log },
      ...options,
    },
    { RXRQ_TEST_LOG: log },
  );
  const handlers = await worker.told('handlers');
  const summary = await worker.told('summary');
  expect(await worker.exit()).toBe(0);
  const results = await Promise.all(
    jobs.map((job) => job.result({ timeoutMs: 1_000 }).catch((error: unknown) => String(error))),
  );
  const byProcess = new Map<string, string[]>();
  for (const line of existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []) {
    const [pid, ...text] = line.split(' ') as [string, ...string[]];
    byProcess.set(pid, [...(byProcess.get(pid) ?? []), text.join(' ')]);
  }
  return { handlers, summary, jobs, results: results as Built[], byProcess };
};

const build = ['Report.build', 'Ada'] as const;

describe.each([
  ['pool', 1],
  ['inline', 1],
  ['fork-per-job', 3],
] as const)('classes whose dependencies are injected, %s', (isolation, processes) => {
  it('get them, job by job, and everything is disposed in the right order', async () => {
    const { handlers, jobs, results, byProcess, summary } = await burst([build, build, build], {
      isolation,
      concurrency: 1,
    });
    expect(summary).toMatchObject({ finished: 3, failed: 0 });
    expect(handlers).toContain('Report.build');
    expect(handlers).toContain('services.Report.build');
    results.forEach((result, at) => {
      expect(result).toEqual({
        text: 'Good morning, Ada',
        pid: expect.any(Number),
        jobId: jobs[at]?.id,
        isSignal: true,
        isPoolOpen: true,
        isShared: true,
      });
    });
    const pids = [...new Set(results.map(({ pid }) => pid))];
    expect(pids).toHaveLength(processes);
    for (const pid of pids) {
      const mine = results.filter((result) => result.pid === pid).map(({ jobId }) => jobId);
      expect(byProcess.get(String(pid))).toEqual([
        'pool made',
        'cache made',
        ...mine.flatMap((id) => [
          'ledger disposed, transaction open',
          `transaction of ${id} disposed`,
        ]),
        'cache disposed, pool open',
        'pool disposed',
      ]);
    }
  });
});

describe('a container', () => {
  it('is made anew in a child that replaces a worn one, whose own is disposed', async () => {
    const { results, byProcess } = await burst([build, build], { maxJobsPerChild: 1 });
    const [first, second] = results.map(({ pid }) => String(pid)) as [string, string];
    expect(first).not.toBe(second);
    for (const pid of [first, second]) expect(byProcess.get(pid)?.at(-1)).toBe('pool disposed');
  });

  it.each(['pool', 'inline'])('takes the last registration of a token, %s', async (isolation) => {
    const { results } = await burst([build], { isolation, container: fixture('override.ts') });
    expect(results[0]).toMatchObject({ text: 'Good night, Ada', isPoolOpen: false });
  });

  it('is disposed of what a failed job made as well', async () => {
    const { results, summary, byProcess } = await burst([['Report.fails']], {});
    expect(summary).toMatchObject({ finished: 0, failed: 1 });
    expect(results[0]).toContain('out of paper');
    const [log] = byProcess.values();
    expect(log).toContain('ledger disposed, transaction open');
  });

  it('whose module does not load fails the start, and says why', async () => {
    const worker = new WorkerProcess({
      url: redis.url,
      handlers: fixture('plain.js'),
      container: fixture('missing.ts'),
    });
    const failure = await worker.told('failure');
    expect(failure).toContain('WorkerStartError');
    expect(failure).toContain('missing.ts');
    expect(await worker.exit()).toBe(0);
  });
});
