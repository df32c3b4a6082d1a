import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { JobOptions } from '../../src/redis/job-options.js';
import { keys } from '../../src/redis/keys.js';
import type { Job } from '../../src/streams/job.js';
import { Wire } from '../redis/support/wire.js';
import { until } from '../support/until.js';
import { Receiver } from '../support/webhook-receiver.js';
import { fixture, linesOf, Rig } from './support/rig.js';

const rig = new Rig();
const modules = [fixture('callbacks.js')];
const receiver = new Receiver();
beforeAll(() => receiver.listen());
afterAll(() => receiver.close());
beforeEach(() => {
  receiver.received.length = 0;
});

/** Leases so short that the dead are found at once; no job is simply run again. */
const quick = { narrowLeaseMs: 400, wideLeaseSeconds: 1, maxRecoveries: 0 };

const enqueue = async (path: string, options: JobOptions = {}, name = 'works'): Promise<Job> => {
  const all = { meta: { path }, onFailure: 'callbacks.onFall', ...options };
  return rig.queue().enqueueWith(all, `callbacks.${name}`, path, 1);
};
const failedHook = () => [{ url: `${receiver.url}/failed`, on: 'failed', method: 'POST' }] as const;
const statusOf = (job: Job) => rig.client.hget(keys.job(job.id), 'status');
const told = (path: string, text: string) =>
  until(text, () => linesOf(path).some((line) => line.startsWith(text)));

/** The job is in the hands of a worker that is dead by now. */
const abandon = async (job: Job): Promise<void> => {
  const wire = new Wire(rig.url);
  const { jobId, execution } = await wire.worker().claimOne();
  expect(jobId).toBe(job.id);
  await rig.client.zadd(keys.wip('default'), 1, `${jobId}:${execution}`);
  wire.close();
};

describe('a job whose worker died', () => {
  it('has its failure callback and its webhooks once when it fails for good, whoever looks', async () => {
    const path = rig.path();
    const job = await enqueue(path, { webhooks: failedHook() });
    await abandon(job);
    const workers = [
      await rig.start({ wire: quick }, { modules }),
      await rig.start({ wire: quick }, { modules }),
    ];
    await told(path, 'fell');
    await until('the receiver heard', () => receiver.received.length > 0);
    await Promise.all(workers.map(({ worker }) => worker.stop()));
    expect(linesOf(path)).toEqual([`fell true AbandonedJobError: its worker died ["${path}",1]`]);
    expect(await statusOf(job)).toBe('failed');
    expect((await job.fetch()).meta).toEqual({ path, fell: true });
    expect(receiver.received.map(({ body }) => body)).toEqual([
      expect.objectContaining({
        job_id: job.id,
        status: 'failed',
        func_name: 'callbacks.works',
        exc_info: 'AbandonedJobError: its worker died',
      }),
    ]);
    expect(workers.flatMap(({ troubles }) => troubles)).toEqual([]);
  });

  it('has the callback, and no webhook, when that used up a retry', async () => {
    const path = rig.path();
    const job = await enqueue(path, { retry: { max: 1 }, webhooks: failedHook() });
    await abandon(job);
    const { worker } = await rig.start({ wire: quick }, { modules });
    await told(path, 'fell');
    await told(path, 'begun');
    await until('it ran again', async () => (await statusOf(job)) === 'finished');
    await worker.stop();
    expect(linesOf(path)).toHaveLength(2);
    expect(receiver.received).toEqual([]);
  });

  it('has neither when it simply runs again', async () => {
    const path = rig.path();
    const job = await enqueue(path, { webhooks: failedHook() });
    await abandon(job);
    const { worker } = await rig.start({ wire: { ...quick, maxRecoveries: 1 } }, { modules });
    await until('it ran', async () => (await statusOf(job)) === 'finished');
    await worker.stop();
    expect(linesOf(path)).toEqual(['begun']);
    expect(receiver.received).toEqual([]);
  });

  it('is told of where its failures are not kept', async () => {
    const path = rig.path();
    const job = await enqueue(path, { failureTtl: 0 });
    await abandon(job);
    const { worker } = await rig.start({ wire: quick }, { modules });
    await told(path, 'fell');
    await worker.stop();
    expect(await rig.client.exists(keys.job(job.id))).toBe(0);
  });
});

describe.each(['pool', 'inline'] as const)('a job that nobody can begin, %s', (isolation) => {
  const burst = async () => {
    const rigged = await rig.start({ isolation, burst: true }, { modules });
    await rigged.worker.done;
    return rigged;
  };

  it('has its callback and webhooks when its payload cannot be decoded', async () => {
    const path = rig.path();
    const job = await enqueue(path, { webhooks: failedHook(), retry: { max: 3 } });
    await rig.client.hset(keys.job(job.id), 'data', '["half a');
    const { troubles } = await burst();
    expect(linesOf(path)).toEqual([
      expect.stringMatching(/^fell true UndecodablePayloadError: .* \[\]$/),
    ]);
    expect(await statusOf(job)).toBe('failed');
    expect((await job.fetch()).meta).toEqual({ path, fell: true });
    expect(receiver.received).toHaveLength(1);
    expect(troubles).toEqual([]);
  });

  it('… when it cannot be decrypted, as far as it can be read', async () => {
    const job = await enqueue('', { onFailure: 'callbacks.onTell' });
    const encryption = { keys: { k: randomBytes(32) }, current: 'k', required: true };
    const rigged = await rig.start({ isolation, burst: true, encryption }, { modules });
    await rigged.worker.done;
    expect(await statusOf(job)).toBe('failed');
    // It was called: its words are an error, and encrypted.
    expect(rigged.troubles.map(String)).toEqual([
      `CallbackFailedError: The failure callback callbacks.onTell of job ${job.id} failed: its text is encrypted`,
    ]);
  });

  it('… when no worker has its handler', async () => {
    const path = rig.path();
    const job = await enqueue(path, { webhooks: failedHook() }, 'isNowhere');
    const { worker } = await rig.start({ isolation }, { modules });
    await told(path, 'fell true NoHandlerError: no handler "callbacks.isNowhere"');
    await until('the receiver heard', () => receiver.received.length === 1);
    await worker.stop();
    expect(linesOf(path)).toHaveLength(1);
    expect(await statusOf(job)).toBe('failed');
  });

  it('… when it is quarantined instead of being claimed', async () => {
    const job = await enqueue('', { webhooks: failedHook(), onFailure: 'callbacks.onTell' });
    await rig.client.hdel(keys.job(job.id), 'data');
    const { troubles } = await burst();
    expect(await statusOf(job)).toBe('failed');
    await until('the receiver heard', () => receiver.received.length === 1);
    expect(receiver.received[0]?.body).toMatchObject({
      func_name: null,
      exc_info: 'QuarantinedError: field data is missing',
    });
    // It was called: its words are an error.
    expect(troubles.map(String)).toEqual([
      expect.stringContaining(`${job.id} had QuarantinedError: field data is missing`),
    ]);
  });
});
