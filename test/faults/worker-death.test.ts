import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { keys } from '../../src/redis/keys.js';
import { until } from '../support/until.js';
import { Scene } from './support/scene.js';
import type { VictimOptions } from './support/victim.js';

const leaseMs = 1_500;
let scene: Scene;

beforeEach(async () => {
  scene = await Scene.open({ narrowLeaseMs: leaseMs, wideLeaseSeconds: 60 });
});
afterEach(() => scene.close());

// A dead child of a frozen parent stays a zombie: nobody has asked how it ended.
const isAlive = (pid: number): boolean => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) !== 'Z';
  } catch {
    return false;
  }
};
const begun = (count: number) =>
  until(`${count} jobs began`, () => scene.ledger().length >= count && scene.ledger());

describe('a worker that is killed', () => {
  it('F02, F37: leaves its jobs to others, and no child behind', async () => {
    const worker = await scene.worker({ isolation: 'pool', concurrency: 3 });
    const queue = scene.rq.queue('default');
    const jobs = await queue.enqueueMany(
      Array.from({ length: 3 }, () => ({ name: 'handlers.longAtFirst', args: [60_000] })),
    );
    const lines = await begun(3);
    await queue.enqueue('handlers.note');
    await worker.kill();
    const killedMs = performance.now();
    const other = await scene.worker({ isolation: 'inline', concurrency: 5 });
    for (const job of jobs) expect(await job.result({ timeoutMs: 15_000 })).toBe('attempt 2');
    expect(performance.now() - killedMs).toBeLessThan(leaseMs + 10_000);
    await until('the children are gone', () => lines.every(({ pid }) => !isAlive(pid)));
    for (const job of jobs) {
      expect(await scene.story(job.id)).toBe('enqueued started recovered started finished');
      expect(
        scene.ledger().filter(({ id, phase }) => id === job.id && phase === 'begin'),
      ).toHaveLength(2);
    }
    other.signal('SIGTERM');
    expect(await other.end()).toBe(0);
    expect((await scene.audit()).findings.filter(({ code }) => code !== 'A15')).toEqual([]);
  });

  it('F01: and has nothing to do leaves only its record, which expires', async () => {
    const worker = await scene.worker({ isolation: 'inline' });
    await worker.kill();
    const [name] = await scene.rq.redis.smembers(keys.workers);
    expect(await scene.rq.redis.ttl(String(name))).toBeLessThanOrEqual(90);
    expect((await scene.audit()).findings).toEqual([]);
  });
});

describe('a worker that is frozen for longer than its lease', () => {
  it('F05: has its outcome refused when it wakes up, and goes on with other jobs', async () => {
    const zombie = await scene.worker({
      isolation: 'inline',
      queues: ['default', 'own'],
      name: 'zombie',
    });
    const job = await scene.rq.queue('default').enqueue('handlers.longAtFirst', 2_000);
    await begun(1);
    zombie.signal('SIGSTOP');
    await scene.worker({ isolation: 'inline', queues: ['default'], name: 'heir' });
    expect(await job.result({ timeoutMs: 15_000 })).toBe('attempt 2');
    zombie.signal('SIGCONT');
    const lost = await until('the late outcome is refused', async () =>
      (await scene.events()).find(({ kind }) => kind === 'lost'),
    );
    expect(lost).toMatchObject({ jobId: job.id, worker: 'zombie' });
    expect(await job.result({ timeoutMs: 1_000 })).toBe('attempt 2');
    const own = await scene.rq.queue('own').enqueue('handlers.note');
    expect(await own.result({ timeoutMs: 10_000 })).toBe(1);
    const finished = (await scene.events()).filter(({ kind }) => kind === 'finished');
    expect(finished).toEqual([expect.objectContaining({ jobId: job.id, worker: 'heir' })]);
  });

  it('F38: has its children end before others run their jobs', async () => {
    const zombie = await scene.worker({ isolation: 'pool' });
    const job = await scene.rq.queue('default').enqueue('handlers.longAtFirst', 60_000);
    const [line] = await begun(1);
    zombie.signal('SIGSTOP');
    await until('the child ends itself', () => !isAlive(line?.pid ?? 0), {
      deadlineMs: 3 * leaseMs,
    });
    await scene.worker({ isolation: 'inline' });
    expect(await job.result({ timeoutMs: 15_000 })).toBe('attempt 2');
    zombie.signal('SIGCONT');
  });
});

describe('two workers with one name', () => {
  it('F17: are one: the second refuses to start, and the first does not notice', async () => {
    await scene.worker({ isolation: 'inline', name: 'twin' });
    const second = scene.victim({ isolation: 'inline', name: 'twin' });
    expect(await second.said('failed')).toMatchObject({ name: 'WorkerNameTakenError' });
    expect(await second.end()).toBe(1);
    const job = await scene.rq.queue('default').enqueue('handlers.note');
    expect(await job.result({ timeoutMs: 10_000 })).toBe(1);
  });
});

describe('a worker whose own process suffers', () => {
  it('F10: whose loop an inline handler blocks for longer than the lease: one outcome counts', async () => {
    const blocked = await scene.worker({ isolation: 'inline', name: 'blocked' });
    const [job] = await scene.enqueue(1, 'handlers.blockAtFirst');
    await scene.begun(1);
    await scene.worker({ isolation: 'inline', name: 'heir' });
    await scene.begun(2, 30_000);
    expect(await job?.result({ timeoutMs: 20_000 })).toBe('attempt 2');
    const lost = await until('the late outcome is refused', async () =>
      (await scene.events()).find(({ kind }) => kind === 'lost'),
    );
    expect(lost).toMatchObject({ jobId: job?.id, worker: 'blocked' });
    expect(blocked.isGone).toBe(false);
    const finished = (await scene.events()).filter(({ kind }) => kind === 'finished');
    expect(finished).toEqual([expect.objectContaining({ jobId: job?.id, worker: 'heir' })]);
    expect(await scene.findings()).toEqual([]);
  }, 60_000);

  const isRecovered = async (options: Partial<VictimOptions>, handler: string): Promise<void> => {
    const [job] = await scene.enqueue(1, `handlers.${handler}`, 60_000);
    const worker = scene.victim({ isolation: 'inline', ...options });
    expect(await worker.end(30_000)).not.toBe(0);
    await scene.worker({ isolation: 'inline' });
    expect(await job?.result({ timeoutMs: 20_000 })).toBe('attempt 2');
    expect(await scene.story(job?.id ?? '')).toBe('enqueued started recovered started finished');
    expect(await scene.findings()).toEqual([]);
  };

  it('F12: with a rejection that nobody handles ends, not with 0; its job is recovered', () =>
    isRecovered({ rejecting: true }, 'longAtFirst'));

  it('F13: whose heap is exhausted ends; its job is recovered', () =>
    isRecovered({ execArgv: ['--max-old-space-size=64'] }, 'leakAtFirst'));
});
