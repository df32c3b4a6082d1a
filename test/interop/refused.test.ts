import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { describeWithPython, startPython } from '../support/python.js';
import { until } from '../support/until.js';
import { pythonEnvironment } from './python-hand.js';
import { TwoSides } from './two-sides.js';

describeWithPython('what Node must not or cannot run', ['2.12', '1.16'], (version) => {
  let sides: TwoSides;
  beforeAll(async () => {
    sides = await TwoSides.meet(version);
  });
  afterEach(() => sides.stopWorkers());
  afterAll(() => sides?.part());

  it('22: leaves objects of a pickle to Python’s workers where one serves the queue', async () => {
    const { python, rq, redis } = sides;
    const troubles: unknown[] = [];
    const node = await sides.boot({
      queues: ['shared'],
      on: { onTrouble: (error) => troubles.push(error) },
    });
    const args = ['-m', 'rq.cli', 'worker', '--name', 'snake', 'shared'];
    const snake = startPython(version, args, pythonEnvironment(sides.url));
    try {
      await until('Python works', async () => {
        return (await redis.hget('rq:worker:snake', 'state')) === 'idle';
      });
      const ids = await python.run<string[]>(`
from datetime import datetime
q = queue('shared', 'pickle')
many = [q.enqueue('pyjobs.types', datetime(2026, 1, n + 1)).id for n in range(4)]
return many + [q.enqueue(pyjobs.Account('somebody').close).id]`);
      for (const id of ids)
        await until(`${id} is done`, async () => (await rq.fetch(id)).record.status === 'finished');
      const told = await python.run<unknown[]>(
        "return [fetch(id, 'pickle').return_value() for id in ids]",
        { ids },
      );
      expect(told).toEqual([
        ...[1, 2, 3, 4].map((day) => [`datetime datetime.datetime(2026, 1, ${day}, 0, 0)`]),
        'somebody closed',
      ]);
      expect((await node.stop()).failed).toBe(0);
      expect(troubles).toEqual([]);
    } finally {
      await snake.stop();
    }
  });

  it('22: refuses objects and classes of a pickle, says why, and works on', async () => {
    const { python, rq } = sides;
    const ids = await python.run<string[]>(`
q = queue('objects', 'pickle')
account = pyjobs.Account('somebody')
return [
    q.enqueue(account.close).id,
    q.enqueue(pyjobs.Account.open, 'somebody').id,
    q.enqueue('nodejobs.echo', account).id,
    q.enqueue('nodejobs.echo', kwargs={'of': pyjobs.Account}).id,
    q.enqueue('nodejobs.echo', [{'deep': {'in': (account,)}}]).id,
    q.enqueue('nodejobs.echo', 'plain').id,
]`);
    const settled: string[] = [];
    const worker = await sides.boot({
      queues: ['objects'],
      on: { onSettled: ({ job, verdict }) => settled.push(`${job.jobId} ${verdict}`) },
    });
    const plain = rq.queue('objects').job(ids.at(-1) as string);
    expect(await plain.result({ timeoutMs: 10_000 })).toEqual(['plain']);
    const refused = ids.slice(0, -1);
    for (const id of refused) {
      await until(`${id} failed`, async () => (await rq.fetch(id)).record.status === 'failed');
    }
    expect(settled).toContain(`${plain.id} finished`);
    expect(await rq.failedQueue.ids()).toEqual(expect.arrayContaining(refused));
    const seen = await python.run<Array<{ status: string; exc: string; exc_info: string }>>(
      "return [seen(id, 'pickle') for id in ids]",
      { ids: refused },
    );
    for (const { status, exc, exc_info } of seen) {
      expect(status).toBe('failed');
      expect(exc || exc_info).toMatch(/payload cannot be decoded|no handler/);
    }
    expect((await worker.stop()).failed).toBe(refused.length);
    // Python itself can still run them.
    await python.run(
      `
for id in ids:
    fetch(id, 'pickle').requeue()
work('objects', 'pickle')`,
      { ids: refused.slice(0, 2) },
    );
    const value = "return [fetch(id, 'pickle').return_value() for id in ids]";
    expect(await python.run(value, { ids: refused.slice(0, 2) })).toEqual([
      'somebody closed',
      'somebody',
    ]);
    await rq.failedQueue.empty();
  });

  it('22: names no import, no builtin and no attribute of an object', async () => {
    const { python, rq } = sides;
    const names = ['os.system', 'builtins.eval', 'process.exit', 'constructor', '__proto__.x'];
    const ids = await python.run<string[]>(
      "return [queue('names').enqueue(name, '1').id for name in names]",
      { names },
    );
    // A method of a text: with JSON Python would call it, and get 'TEXT'.
    const bound = await python.run<string>("return queue('names').enqueue('nodejobs.add', 1).id");
    await sides.redis.hset(`rq:job:${bound}`, 'data', '["upper", "text", [], {}]');
    const all = [...ids, bound];
    // A burst leaves what is for others where it is.
    await sides.burst('names', { isolation: 'inline' });
    expect((await rq.queue('names').ids()).sort()).toEqual([...all].sort());
    // With nobody else there, it goes round three times, ever slower, and then aside.
    await sides.boot({ queues: ['names'], isolation: 'inline' });
    await until('all are aside', async () => (await rq.failedQueue.length()) === all.length);
    for (const id of all) {
      const { record } = await rq.fetch(id);
      expect(record).toMatchObject({ status: 'failed', attempt: 4 });
      expect(record.excInfo).toMatch(/^no handler ".+" in this worker$/);
    }
    expect((await rq.failedQueue.ids()).sort()).toEqual(all.sort());
    await rq.failedQueue.empty();
  });

  it('shares a queue: each side runs what it has, and nothing of the other is lost', async () => {
    const { python, rq, url } = sides;
    // Python fails at once what it does not have; with retries the job comes back, and Node takes it.
    const [ofPython, ofNode] = await python.run<[string[], string[]]>(`
q = queue('shared')
py, node = [], []
for i in range(30):
    py.append(q.enqueue('pyjobs.add', i).id)
    node.append(q.enqueue('nodejobs.add', i, retry=Retry(max=20)).id)
return [py, node]`);
    const json = 'rq.serializers.JSONSerializer';
    const args = ['-m', 'rq.cli', 'worker', 'shared', '-S', json, '--name', 'the-python-one'];
    const other = startPython(version, args, pythonEnvironment(url));
    try {
      await until('it is up', async () => (await sides.redis.scard('rq:workers:shared')) === 1);
      const worker = await sides.boot({ queues: ['shared'] });
      const all = [...ofPython, ...ofNode].map((id) => rq.queue('shared').job(id));
      const values = await Promise.all(all.map((job) => job.result({ timeoutMs: 60_000 })));
      const numbers = Array.from({ length: 30 }, (_, i) => i);
      expect(values).toEqual([...numbers, ...numbers]);
      const workers = await Promise.all(all.map(async (job) => (await job.fetch()).workerName));
      expect(new Set(workers.slice(0, 30))).toEqual(new Set(['the-python-one']));
      expect(new Set(workers.slice(30))).toEqual(new Set([worker.name]));
      expect(await rq.failedQueue.ids()).toEqual([]);
    } finally {
      await other.stop();
    }
    // Python forks for each job, and meets Node's jobs again and again.
  }, 70_000);
});
