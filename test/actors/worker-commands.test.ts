import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { keys } from '../../src/redis/keys.js';
import { commandText } from '../../src/redis/worker-command.js';
import { awaitAnswer } from '../../src/streams/await-answer.js';
import { until } from '../support/until.js';
import { begun, linesOf, Rig } from './support/rig.js';

const rig = new Rig();
// Channels know no databases: another test file may have a worker of the same name.
const unique = () => `commanded-${randomUUID()}`;

describe('a running job', () => {
  it.each([
    ['canceled', 'canceled', 'pool'],
    ['canceled', 'canceled', 'inline'],
    ['deleted', 'gone', 'pool'],
  ] as const)(
    'that is %s is aborted at once, long before the next heartbeat',
    async (action, verdict, isolation) => {
      // A heartbeat would come after a minute.
      const wire = { narrowLeaseMs: 240_000, wideLeaseSeconds: 240 };
      const { settled } = await rig.start({ isolation, wire, name: unique() });
      const path = rig.path();
      const job = await rig.enqueue('waitForGate', [path, rig.path()]);
      await begun(path);
      await (action === 'canceled' ? job.cancel() : job.delete());
      await until('it is settled', () => settled.length === 1);
      expect(settled[0]).toMatchObject({ verdict });
      expect(linesOf(path).at(-1)).toBe(`aborted ${job.id}: ${action}`);
    },
  );

  it('that is stopped is aborted, and keeps its retries', async () => {
    const { settled } = await rig.start({ name: unique() });
    const path = rig.path();
    const retry = { max: 2 };
    const job = await rig.enqueue('waitForGate', [path, rig.path()], { retry });
    await begun(path);
    await job.stop();
    expect(linesOf(path).at(-1)).toBe(`aborted ${job.id}: byUser`);
    expect(await rig.client.hmget(keys.job(job.id), 'status', 'retries_left', 'exc_info')).toEqual([
      'stopped',
      '2',
      'Job stopped by user, work-horse terminated.',
    ]);
    expect(await rig.kindsOf(job)).toEqual(['enqueued', 'started', 'stopped', 'quarantined']);
    await until('the worker knows', () => settled.length === 1);
    expect(settled[0]).toMatchObject({ verdict: 'stopped', outcome: { kind: 'stopped' } });
    await expect(job.stop()).rejects.toThrow(/it is stopped and does not run/);
    expect(await rig.wip()).toBe(0);
  });

  it('that hears no signal is killed, and its neighbours run on', async () => {
    const { settled } = await rig.start({ concurrency: 2, killGraceMs: 100, name: unique() });
    const [path, gate] = [rig.path(), rig.gate()];
    const deaf = await rig.enqueue('loopForEver', [path]);
    const neighbour = await rig.enqueue('waitForGate', [path, gate.path]);
    await begun(path, 2);
    await deaf.stop();
    expect((await deaf.fetch()).status).toBe('stopped');
    expect(settled.map(({ job }) => job.jobId)).toEqual([deaf.id]);
    gate.open();
    expect(await neighbour.result({ timeoutMs: 10_000 })).toBe('opened');
  });

  it('that returns when it is told to end is stopped, not finished', async () => {
    await rig.start({ isolation: 'inline', name: unique() });
    const job = await rig.enqueue('wait', [300]);
    await until('it runs', async () => (await job.fetch()).status === 'started');
    await job.stop();
    expect((await job.fetch()).status).toBe('stopped');
  });

  it.each(['inline', 'pool'] as const)(
    'is stopped by its execution, and by no other one: %s',
    async (isolation) => {
      const name = unique();
      const { settled } = await rig.start({ isolation, name });
      const path = rig.path();
      const job = await rig.enqueue('waitForGate', [path, rig.path()]);
      await begun(path);
      const [member = ''] = await rig.client.zrange(keys.wip('default'), '0', '-1');
      const execution = member.slice(job.id.length + 1);
      const stop = async (id: string, jobId: string, execution: string) => {
        const text = commandText({ command: 'stop-execution', jobId, execution }, id);
        await rig.client.publish(keys.commandsTo(name), text);
        return awaitAnswer(rig.client, id, 5_000);
      };
      const refused = { ok: false, reason: 'it does not run this job' };
      expect(await stop(unique(), job.id, 'f'.repeat(32))).toEqual(refused);
      expect(await stop(unique(), 'another', execution)).toEqual(refused);
      expect((await job.fetch()).status).toBe('started');
      expect(linesOf(path).some((line) => line.startsWith('aborted'))).toBe(false);
      expect(await stop(unique(), job.id, execution)).toEqual({ ok: true });
      await until('it is settled', () => settled.length === 1);
      expect(settled[0]).toMatchObject({ verdict: 'stopped', outcome: { kind: 'stopped' } });
      expect(linesOf(path).at(-1)).toBe(`aborted ${job.id}: byUser`);
      expect((await job.fetch()).status).toBe('stopped');
    },
  );

  it('cannot be stopped when there is none, it waits, or its worker is gone', async () => {
    const waiting = await rig.enqueue('noop');
    await expect(waiting.stop()).rejects.toThrow(/it is queued and does not run/);
    await expect(rig.queue().job('nobody').stop()).rejects.toThrow(/No job "nobody"/);
    await rig.client.hset(keys.job(waiting.id), 'status', 'started', 'worker_name', 'late');
    await expect(waiting.stop()).rejects.toThrow(/its worker late is gone/);
    await expect(waiting.stop({ timeoutMs: 0 })).rejects.toThrow(/timeoutMs/);
  });

  it('is unknown to a worker that lost it: it says so', async () => {
    const name = unique();
    await rig.start({ isolation: 'inline', queues: ['other'], name });
    const job = await rig.enqueue('noop');
    await rig.client.hset(keys.job(job.id), 'status', 'started', 'worker_name', name);
    await expect(job.stop()).rejects.toThrow(/said: it does not run this job/);
  });
});

describe('a worker', () => {
  it('kills what runs, and nothing else, when it is told to', async () => {
    const name = unique();
    const { settled } = await rig.start({ concurrency: 2, name });
    const worker = rig.rq().worker(name);
    await expect(worker.killHorse()).rejects.toThrow(/it runs no job/);
    const path = rig.path();
    const jobs = await rig.enqueueMany(2, 'loopForEver', [path]);
    await begun(path, 2);
    expect(await worker.killHorse()).toEqual({ isAcknowledged: true });
    await until('both have failed', () => settled.length === 2);
    for (const { verdict } of settled) expect(verdict).toBe('quarantined');
    for (const { id } of jobs)
      expect(await rig.client.hget(keys.job(id), 'exc_info')).toBe(
        'Work-horse terminated unexpectedly; waitpid returned 9 (signal 9); ',
      );
    const next = await rig.enqueue('add', [1, 2]);
    expect(await next.result({ timeoutMs: 10_000 })).toBe(3);
  });

  it('says what it is doing', async () => {
    const name = unique();
    await rig.start({ isolation: 'inline', name });
    const worker = rig.rq().worker(name);
    expect(await worker.ping()).toMatchObject({ state: 'idle', jobs: [] });
    const path = rig.path();
    const job = await rig.enqueue('waitForGate', [path, rig.path()]);
    await begun(path);
    const jobs = [{ jobId: job.id, queue: 'default' }];
    expect(await worker.ping()).toMatchObject({ state: 'busy', jobs });
  });

  it('shuts down warmly at the first command, at once at one that comes a second later', async () => {
    const name = unique();
    const { worker, settled } = await rig.start({ name });
    const handle = rig.rq().worker(name);
    const path = rig.path();
    const job = await rig.enqueue('waitForGate', [path, rig.path()]);
    await begun(path);
    const sinceMs = performance.now();
    await handle.shutdown();
    await until('a second has passed', () => performance.now() - sinceMs > 1_050);
    expect(settled).toEqual([]);
    await handle.shutdown();
    await worker.done;
    expect(linesOf(path).at(-1)).toBe(`aborted ${job.id}: shutdown`);
    expect((await job.fetch()).status).toBe('queued');
    await expect(handle.shutdown()).rejects.toThrow(/is alive/);
  });

  it('that is frozen does not answer, and does it when it thaws', async () => {
    await rig.client.hset(keys.worker('frozen'), 'version', 'rxrq');
    const handle = rig.rq().worker('frozen');
    await expect(handle.shutdown({ timeoutMs: 50 })).rejects.toThrow(
      /"frozen" did not answer to shutdown within 50 ms/,
    );
    expect(await rig.client.llen(keys.mailbox('frozen'))).toBe(1);
  });
});
