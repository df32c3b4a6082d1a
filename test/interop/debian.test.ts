import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { describeWithPython } from '../support/python.js';
import { TwoSides } from './two-sides.js';

const soon = { timeoutMs: 10_000 };
const serializers = ['json', 'pickle'] as const;

// Debian 12 ships RQ 1.13: no in-flight list, no executions, results in the stream. What every user of it does first.
describeWithPython('the release of Debian', ['1.13'], () => {
  let sides: TwoSides;
  beforeAll(async () => {
    sides = await TwoSides.meet('1.13');
  });
  afterEach(() => sides.stopWorkers());
  afterAll(() => sides?.part());

  it.each(serializers)('1, 2, 3, 17: Python works what Node enqueued (%s)', async (serializer) => {
    const { rq, python } = sides;
    const queue = rq.queue(`to-python-${serializer}`);
    const meta = { team: 'ü' };
    const job = await queue.enqueueWith({ serializer, resultTtlSeconds: 60 }, 'pyjobs.add', 2, 3);
    const marked = await queue.enqueueWith({ serializer, meta }, 'pyjobs.mark', 'python');
    const failing = await queue.enqueueWith({ serializer }, 'pyjobs.fail', 'ünlucky');
    const worker = await python.run('return work(name, serializer)', {
      name: queue.name,
      serializer,
    });
    expect(await job.result(soon)).toBe(5);
    expect(await job.fetch()).toMatchObject({
      status: 'finished',
      workerName: worker,
      problems: [],
    });
    expect(await marked.result(soon)).toBeNull();
    expect((await marked.fetch()).meta).toEqual({ ...meta, python: [true, 'é'] });
    await expect(failing.result(soon)).rejects.toThrow(/ValueError: ünlucky/);
    expect(await queue.counts()).toMatchObject({ queued: 0, started: 0, finished: 2, failed: 1 });
  });

  it.each(serializers)(
    '7, 21, 23, 24: Node works what Python enqueued (%s)',
    async (serializer) => {
      const { python } = sides;
      const name = `to-node-${serializer}`;
      const ids = await python.run<string[]>(
        `
q = queue(name, serializer)
return [
    q.enqueue('nodejobs.add', 2**60, 1).id,
    q.enqueue('nodejobs.echo', None, 'é 😀', {'a': [1.5]}).id,
    q.enqueue('nodejobs.nothing').id,
    q.enqueue('nodejobs.fail', 'ünlucky').id,
]`,
        { name, serializer },
      );
      const worker = await sides.burst(name, { isolation: 'inline' });
      const seen = await python.run<Array<Record<string, unknown>>>(
        'return [seen(id, serializer) for id in ids]',
        { ids, serializer },
      );
      expect(seen.map(({ status, value, type }) => [status, value, type])).toEqual([
        ['failed', null, 'FAILED'],
        ['finished', [null, 'é 😀', { a: [1.5] }], 'SUCCESSFUL'],
        ['finished', null, 'SUCCESSFUL'],
        ['failed', null, 'FAILED'],
      ]);
      // bigint + number: JavaScript refuses it, and Python is told so.
      expect(seen[0]?.exc).toMatch(/^TypeError: Cannot mix BigInt/);
      expect(seen[3]?.exc).toMatch(/^TypeError: ünlucky\n {4}at /);
      expect(seen[1]).toMatchObject({ worker_name: worker.name, is_finished: true });
      const counts = await python.run('return counts(name, serializer)', { name, serializer });
      expect(counts).toMatchObject({ queued: 0, started: 0, finished: 2, failed: 2 });
    },
  );

  it('38, 40: its tools show a Node worker, and requeue a failed Node job', async () => {
    const { rq, python } = sides;
    const queue = rq.queue('tools');
    const job = await queue.enqueue('nodejobs.flaky', 2);
    await sides.burst('tools');
    expect((await job.fetch()).status).toBe('failed');
    const args = ['--queue', 'tools', '-S', 'rq.serializers.JSONSerializer', job.id];
    const output = await python.run<string>("return cli('requeue', *args)", { args });
    expect(output).not.toContain('Unable');
    await sides.boot({ queues: ['tools'], name: 'the-node-one' });
    expect(await job.result(soon)).toBe(2);
    expect(await python.run("return cli('info', '--raw')")).toContain('worker the-node-one');
    const listed = await python.run(
      "return [w.name for w in Worker.all(connection=r)], Worker.count(queue=queue('tools'))",
    );
    expect(listed).toEqual([['the-node-one'], 1]);
  });
});
