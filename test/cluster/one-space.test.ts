import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { firstValueFrom, take, toArray } from 'rxjs';
import { bootWorker } from '../../src/boot/boot-worker.js';
import { Rq } from '../../src/streams/rq.js';
import { fixture } from '../boot/support/worker-process.js';
import { TestCluster } from './support/cluster.js';

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start();
}, 30_000);
afterAll(() => cluster.stop());

const handlers = fixture('plain.js');

describe('one space of a cluster', () => {
  it('works as one Redis does, with every key in one slot', async () => {
    const [, , space] = (await cluster.spaceOnEach('mail')) as [string, string, string];
    const rq = new Rq({ url: cluster.url(space) });
    const queue = rq.queue(space);
    const kinds = firstValueFrom(queue.events('start').pipe(take(4), toArray()));
    const worker = await bootWorker({
      url: cluster.url(space),
      queues: [space],
      handlers,
      isolation: 'inline',
    });
    const job = await queue.enqueue('plain.add', 2, 3);
    expect(await job.result({ timeoutMs: 5_000 })).toBe(5);
    const after = await queue.enqueueWith({ dependsOn: job }, 'plain.add', 1, 1);
    expect(await after.result({ timeoutMs: 5_000 })).toBe(2);
    expect((await kinds).map(({ kind }) => kind)).toEqual([
      'enqueued',
      'started',
      'finished',
      'enqueued',
    ]);
    expect(await rq.queueNames()).toEqual([space]);
    expect((await rq.workers()).map(({ name }) => name)).toEqual([worker.name]);
    expect((await rq.fetch(job.id)).record.status).toBe('finished');
    await worker.stop();
    const keys = await cluster.keys();
    expect(keys.map((names) => names.length > 0)).toEqual([false, false, true]);
    expect(keys[2]?.filter((name) => !name.startsWith(`{${space}}:r`))).toEqual([]);
    await rq.close();
  });
});
