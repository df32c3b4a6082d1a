import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import {
  type AclRole,
  aclRoles,
  aclRules,
  bootCron,
  bootWorker,
  defineCron,
  Rq,
  type RunningWorker,
} from '../../src/index.js';
import { deniedCommands } from '../../src/redis/doctor/rights.js';
import { runHere } from '../cli/support/fake-io.js';
import { startPrivateRedis } from '../support/redis.js';
import { until } from '../support/until.js';
import { asUser, nobodyElse, refusalsOf, userArgs } from '../support/users.js';

const handlers = fileURLToPath(new URL('./fixtures/handlers.js', import.meta.url));

let server: Awaited<ReturnType<typeof startPrivateRedis>>;
let admin: Redis;
let worker: RunningWorker;
const doors = new Map<AclRole, Rq>();
const as = (role: AclRole): Rq => doors.get(role) as Rq;
const urlOf = (role: AclRole): string => asUser(server.url, role);

beforeAll(async () => {
  server = await startPrivateRedis({ args: userArgs });
  admin = new Redis(server.url);
  for (const role of aclRoles) doors.set(role, new Rq({ url: urlOf(role) }));
  const queues = ['default', 'other'];
  worker = await bootWorker({ url: urlOf('worker'), handlers, queues, handleSignals: false });
});
afterAll(async () => {
  await worker?.stop();
  for (const rq of doors.values()) await rq.close();
  admin?.disconnect();
  await server?.stop();
});

const refusals = (): Promise<string[]> => refusalsOf(admin);
const soon = { timeoutMs: 10_000 };
/** An id without a job, on a queue that nobody serves. */
const plantGhost = async (): Promise<void> => {
  await admin.del('rq:queue:unserved');
  await admin.rpush('rq:queue:unserved', 'ghost');
  await admin.sadd('rq:queues', 'rq:queue:unserved');
};

describe('S27: each role', () => {
  it('S27: a producer and a worker need no more than theirs', async () => {
    const queue = as('producer').queue();
    const first = await queue.enqueue('handlers.add', 1, 2);
    const after = await queue.enqueueWith({ dependsOn: first, groupId: 'g' }, 'handlers.add', 3, 4);
    const due = await queue.enqueueWith({ inMs: 1 }, 'handlers.add', 5, 6);
    const many = await queue.enqueueMany([
      { name: 'handlers.add', args: [7, 8], options: { meta: { x: 1 } } },
    ]);
    const rateLimit = { key: 'tenant', concurrency: 1 };
    const limited = [
      await queue.enqueueWith({ rateLimit }, 'handlers.add', 9, 10),
      await queue.enqueueWith({ rateLimit }, 'handlers.add', 11, 12),
    ];
    const results = [first, after, due, ...many, ...limited].map((job) => job.result(soon));
    expect(await Promise.all(results)).toEqual([3, 7, 11, 15, 19, 23]);
    const doomed = await queue.enqueueWith(
      { retry: { max: 1 }, resultTtl: 5 },
      'handlers.fail',
      'luck',
    );
    await expect(doomed.result(soon)).rejects.toThrow('no luck');
    await doomed.requeue();
    const later = await queue.enqueueIn('1h', 'handlers.add', 1, 1);
    await later.reschedule(new Date(Date.now() + 7_200_000));
    await later.cancel();
    await later.delete();
    await queue.counts();
    // Passwords are among what CONFIG tells: it is asked for once, and done without.
    expect(await refusals()).toEqual(['worker: command config|get (toplevel)']);
  }, 30_000);

  it('S27: an operator commands, a reader looks, cron enqueues', async () => {
    const running = await as('producer').queue().enqueue('handlers.wait', 60_000);
    await until('it runs', async () => (await running.fetch()).status === 'started');
    const looked = await runHere(urlOf('reader'), 'info', '--json');
    expect({ code: looked.code, stderr: looked.stderr }).toEqual({ code: 0, stderr: '' });
    expect((await as('reader').fetch(running.id)).record.status).toBe('started');
    expect(await as('reader').workers()).toMatchObject([{ name: worker.name }]);
    await as('operator').worker(worker.name).ping(soon);
    await (await as('operator').fetch(running.id)).job.stop(soon);
    await as('operator').suspend();
    await as('operator').resume();
    const told: string[] = [];
    const cron = await bootCron({
      url: urlOf('cron'),
      entries: defineCron([
        {
          task: 'handlers.add',
          args: [1, 2],
          queue: 'other',
          intervalSeconds: 1,
          options: { rateLimit: { key: 'cron', concurrency: 1 } },
        },
      ]),
      handleSignals: false,
      on: { onEnqueued: ({ jobId }) => void told.push(jobId) },
    });
    await until('it enqueued', () => told.length > 0);
    const { job } = await as('reader').fetch(told[0] as string);
    expect(await job.result(soon)).toBe(3);
    await cron.stop();
    expect(await refusals()).toEqual([]);
  }, 30_000);

  it('S27: an auditor finds what an administrator finds, and writes nothing', async () => {
    await plantGhost();
    const audited = ['audit', '--interval', '1', '--json', 'unserved'];
    const found = await runHere(urlOf('auditor'), ...audited);
    expect({ code: found.code, stderr: found.stderr }).toEqual({ code: 1, stderr: '' });
    expect(found.objects).toMatchObject([{ code: 'A6', jobId: 'ghost', queue: 'unserved' }]);
    expect(found.objects).toEqual((await runHere(server.url, ...audited)).objects);
    // All queues: each key that an audit looks at.
    const whole = await runHere(urlOf('auditor'), 'audit', '--interval', '1');
    expect(whole.stderr).toBe('');
    expect(whole.stdout).toMatch(/\d+ jobs, 3 queues/);
    expect(await refusals()).toEqual([]);
    const writes = "return redis.call('SET', 'rq:suspended', '1')";
    await expect(as('auditor').redis.eval(writes, 0)).rejects.toThrow(
      /can't run this command|no permissions to run the 'set' command/,
    );
    const repaired = await runHere(urlOf('auditor'), ...audited, '--repair');
    expect(repaired).toMatchObject({ code: 4, stdout: '' });
    expect(repaired.stderr).toMatch(/NOPERM .*\(EVALSHA\)\. .* the role operator may/);
    expect(await admin.lrange('rq:queue:unserved', 0, -1)).toEqual(['ghost']);
    expect((await runHere(urlOf('operator'), ...audited, '--repair')).objects).toMatchObject([
      { code: 'A6', mended: true },
    ]);
    await admin.acl('LOG', 'RESET');
  }, 30_000);

  it.each([
    [['-evalsha'], /NOPERM .*'evalsha'/],
    [['-scan'], /NOPERM .*'scan'/],
    [['-hmget'], /NOPERM HMGET rq:job:\S+: /],
    [['-lpos'], /NOPERM LPOS rq:queue:\S+: /],
    [['resetkeys', '%R~rq:job:*'], /NOPERM .*key.* \(SMEMBERS\)/],
    // Without the right to jobs they would all be keys of a wrong type.
    [['resetkeys', '%R~rq:[a-ik-z]*', '%R~rxrq:*'], /NOPERM HMGET rq:job:\S+: .*key[^()]*$/],
  ])('S27: an audit without a right says which: %j', async (less, message) => {
    await plantGhost();
    const rules = [...aclRules('auditor'), ...less];
    await admin.acl('SETUSER', 'narrow', 'reset', 'on', '>secret', ...rules);
    const url = server.url.replace('//', '//narrow:secret@');
    const found = await runHere(url, 'audit', '--interval', '1', 'unserved');
    expect(found).toMatchObject({ code: 4, stdout: '' });
    expect(found.stderr).toMatch(message);
    expect(found.stderr).toContain('what the role auditor may: docs/security.md');
  });

  it('S27: what is not granted is refused, and the error says so', async () => {
    const reader = as('reader').queue();
    await expect(reader.enqueue('handlers.add')).rejects.toThrow(/^NOPERM .*'evalsha'/);
    const audited = await runHere(urlOf('reader'), 'audit');
    expect(audited.code).toBe(4);
    expect(audited.stderr).toMatch(/NOPERM .*'evalsha'.* the role auditor may/);
    const shown = await runHere(urlOf('reader'), 'enqueue', 'handlers.add');
    expect(shown.code).not.toBe(0);
    expect(shown.stderr).toContain('NOPERM');
    expect(shown.stderr).not.toContain('secret');
    // Commands to workers are for operators.
    await expect(as('producer').worker(worker.name).shutdown(soon)).rejects.toThrow(
      /NOPERM|permissions/,
    );
    const keysDenied: Array<[AclRole, string[]]> = [
      ['producer', ['SET', 'rq:suspended', '1']],
      ['producer', ['HSET', `rq:worker:${worker.name}`, 'state', 'idle']],
      ['producer', ['PUBLISH', `rq:pubsub:${worker.name}`, '{"command":"shutdown"}']],
      ['producer', ['RPUSH', `rxrq:commands:${worker.name}`, '{}']],
      ['cron', ['ZADD', 'rq:wip:default', '1', 'x']],
      ['auditor', ['DEL', 'rq:queue:default']],
      ['auditor', ['EVAL', 'return 1', '1', 'rq:queue:default']],
      ['auditor', ['PUBLISH', `rq:pubsub:${worker.name}`, '{"command":"shutdown"}']],
      ['python', ['GET', 'rxrq:events:default']],
      ['worker', ['GET', 'sessions:1']],
      ['worker', ['PUBLISH', 'elsewhere', '1']],
    ];
    for (const role of aclRoles)
      for (const command of ['FLUSHALL', 'KEYS *', 'CONFIG GET *', 'SCRIPT KILL', 'MONITOR'])
        keysDenied.push([role, command.split(' ')]);
    for (const [role, [name = '', ...args]] of keysDenied)
      await expect(as(role).redis.call(name, ...args)).rejects.toThrow(/^NOPERM/);
    expect(() => aclRules('toString' as AclRole)).toThrow('role: it is none of producer, worker');
  }, 30_000);

  it('S27: what they wrote outlives a crash of Redis, and so do they, with the default user off', async () => {
    const kept = ['--appendonly', 'yes', '--appendfsync', 'always'];
    const other = await startPrivateRedis({ args: [...userArgs, ...nobodyElse, ...kept] });
    const rq = new Rq({ url: asUser(other.url, 'producer') });
    const nobody = new Rq({ url: other.url });
    try {
      const jobs = await rq.queue().enqueueMany([{ name: 'a' }, { name: 'b' }]);
      await other.restart();
      await until('it is back', () => rq.redis.ping().catch(() => false));
      expect(await rq.queue().ids()).toEqual(jobs.map(({ id }) => id));
      await expect(nobody.redis.llen('rq:queue:default')).rejects.toThrow(/NOAUTH/);
    } finally {
      await Promise.all([rq.close(), nobody.close()]);
      await other.stop();
    }
  }, 30_000);

  it('S27: a worker has the rights that the doctor asks for', async () => {
    expect(await deniedCommands(as('worker').redis)).toEqual([]);
  });
});
