import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { aclRoles, aclRules, bootWorker, OtherSpaceError, Rq } from '../../src/index.js';
import { fixture } from '../boot/support/worker-process.js';
import { runHere } from '../cli/support/fake-io.js';
import { until } from '../support/until.js';
import { TestCluster } from './support/cluster.js';

let cluster: TestCluster;
const doors: Rq[] = [];

beforeAll(async () => {
  cluster = await TestCluster.start();
}, 30_000);
afterAll(async () => {
  for (const rq of doors) await rq.close();
  await cluster.stop();
});

const open = (space: string): Rq => {
  const rq = new Rq({ url: cluster.url(space) });
  doors.push(rq);
  return rq;
};
const handlers = fixture('plain.js');
const inline = { handlers, isolation: 'inline', handleSignals: false } as const;
const soon = { timeoutMs: 10_000 };

describe('two spaces', () => {
  it('are two worlds: what a job waits for must be in its own', async () => {
    const [one, other] = (await cluster.spaceOnEach('world')) as [string, string];
    const [here, there] = [open(one), open(other)];
    const parent = await there.queue('q').enqueue('plain.add', 1, 1);
    const attempt = here.queue('q').enqueueWith({ dependsOn: [parent] }, 'plain.add', 1, 1);
    await expect(attempt).rejects.toThrow(OtherSpaceError);
    await expect(attempt).rejects.toThrow(
      `Cannot wait for job ${parent.id}: it is in space "${other}", not in space "${one}"; nothing was written`,
    );
    expect(await here.queueNames()).toEqual([]);
    await expect(here.fetch(parent.id)).rejects.toThrow('No job');
  });

  it('may be joined by a pipeline, on different masters', async () => {
    const [one, other] = (await cluster.spaceOnEach('flow')) as [string, string];
    const [here, there] = [open(one), open(other)];
    const settings = { name: 'on', to: there.queue('q'), call: 'any name' } as const;
    const passed: string[] = [];
    const hosts = [1, 2].map(() =>
      here
        .queue('q')
        .pipeline(settings)
        .subscribe(({ id, queue, space }) => passed.push(`${space} ${queue} ${id}`)),
    );
    const workers = await Promise.all(
      [one, other].map((space) =>
        bootWorker({ ...inline, url: cluster.url(space), queues: ['q'] }),
      ),
    );
    for (let round = 0; round < 2; round++) {
      await here
        .queue('q')
        .enqueueMany(Array.from({ length: 20 }, (_, n) => ({ name: 'plain.add', args: [n, 1] })));
      await cluster.move(one, (await cluster.ownerOf(one)) === 0 ? 1 : 0);
      await cluster.move(other, (await cluster.ownerOf(other)) === 1 ? 2 : 1);
    }
    await until('all came through', async () => (await there.queue('q').counts()).finished === 40);
    expect(passed.length).toBe(40);
    expect(new Set(passed).size).toBe(40);
    expect(passed.every((line) => line.startsWith(`${other} q `))).toBe(true);
    for (const host of hosts) host.unsubscribe();
    await Promise.all(workers.map((worker) => worker.stop()));
  });
});

describe('in one space', () => {
  it('later jobs, failures, commands, groups and limits work as on one Redis', async () => {
    const rq = open('all');
    const queue = rq.queue('all');
    const worker = await bootWorker({
      ...inline,
      isolation: 'pool',
      killGraceMs: 100,
      url: cluster.url('all'),
      queues: ['all'],
      concurrency: 2,
    });
    const later = await queue.enqueueWith({ inMs: 300, groupId: 'g' }, 'plain.add', 1, 2);
    const limited = await queue.enqueueWith(
      { rateLimit: { key: 'k', concurrency: 1 } },
      'plain.add',
      2,
      2,
    );
    expect(await Promise.all([later.result(soon), limited.result(soon)])).toEqual([3, 4]);
    expect(await rq.group('g').count()).toBe(1);
    const failing = await queue.enqueueWith({ timeout: 1 }, 'plain.wait', 60_000);
    await expect(failing.result(soon)).rejects.toThrow();
    expect(await rq.failedQueue.ids()).toEqual([failing.id]);
    await rq.failedQueue.requeue(failing.id);
    await expect(failing.result(soon)).rejects.toThrow();
    const long = await queue.enqueue('plain.wait', 60_000);
    await until('it runs', async () => (await long.fetch()).status === 'started');
    await rq.worker(worker.name).ping(soon);
    await long.stop(soon);
    expect((await long.fetch()).status).toBe('stopped');
    await rq.worker(worker.name).shutdown(soon);
    await worker.done;
    expect(await rq.workers()).toEqual([]);
  });

  it('the command line and each right are enough', async () => {
    const space = 'rights';
    for (const at of [0, 1, 2])
      for (const role of aclRoles.filter((name) => name !== 'python'))
        await cluster
          .client(at)
          .acl('SETUSER', role, 'reset', 'on', '>secret', ...aclRules(role, { space }));
    const as = (role: string): string => cluster.url(space).replace('//', `//${role}:secret@`);
    const worker = await bootWorker({ ...inline, url: as('worker'), queues: ['q'] });
    const ran = await runHere(as('producer'), 'run', '--queue', 'q', 'plain.add', '2', '3');
    expect([ran.code, ran.stdout.trim(), ran.stderr]).toEqual([0, '5', expect.any(String)]);
    const info = await runHere(as('reader'), 'info', '--json');
    expect(info.code).toBe(0);
    expect(info.stdout).toContain(worker.name);
    for (const role of ['auditor', 'operator']) {
      const audited = await runHere(as(role), 'audit', '--interval', '100');
      expect([audited.stdout, audited.code]).toEqual([
        expect.stringContaining('clean: 1 jobs, 1 queues'),
        0,
      ]);
      expect(audited.stdout).toContain(`redis+cluster://${cluster.nodes.join(',')}/${space}`);
    }
    await worker.stop();
    const refused = await Promise.all(
      [0, 1, 2].map(async (at) => String(await cluster.client(at).acl('LOG'))),
    );
    // What a worker would only like to know.
    expect(refused.filter((log) => log !== '' && !log.includes('config|get'))).toEqual([]);
    const doctor = await runHere(cluster.url(space), 'doctor', '--json');
    const mode = doctor.objects.find(({ check }) => check === 'redis-mode');
    expect(mode).toMatchObject({ what: `the space ${space} of a Redis Cluster` });
  });
});
