import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { describeWithPython, type RunningPython, startPython } from '../support/python.js';
import { until } from '../support/until.js';
import { pythonEnvironment } from './python-hand.js';
import { TwoSides } from './two-sides.js';

describeWithPython('callbacks of stopped jobs', ['2.12', '1.16'], (version) => {
  let sides: TwoSides;
  const pythons: RunningPython[] = [];
  beforeAll(async () => {
    sides = await TwoSides.meet(version);
  });
  afterEach(async () => {
    await sides.stopWorkers();
    await Promise.all(pythons.splice(0).map((worker) => worker.stop()));
  });
  afterAll(() => sides?.part());

  const startPythonWorker = async (name: string) => {
    const json = 'rq.serializers.JSONSerializer';
    const args = ['-m', 'rq.cli', 'worker', '--name', name, '-S', json, name];
    pythons.push(startPython(version, args, pythonEnvironment(sides.url)));
    await until('the Python worker listens', async () => {
      const [, listeners] = await sides.redis.pubsub('NUMSUB', `rq:pubsub:${name}`);
      return Number(listeners) > 0;
    });
  };
  const running = (id: string) =>
    until(`${id} runs`, async () => (await sides.rq.fetch(id)).record.status === 'started');
  const stopFromPython = (id: string) =>
    sides.python.run(
      'from rq.command import send_stop_job_command\nsend_stop_job_command(r, id, serializer=JSONSerializer)',
      { id },
    );
  const stopped = (id: string) =>
    until(`${id} is stopped`, async () => (await sides.rq.fetch(id)).record.status === 'stopped');
  const metaOf = async (id: string) => (await sides.rq.fetch(id)).record.meta;
  /** As Python's reader has them, with the limits that it was given. */
  const callbacksOf = (id: string) =>
    sides.python.run(
      `
job = fetch(id)
names = [job._success_callback_name, job._failure_callback_name, job._stopped_callback_name]
return [*names, job.success_callback_timeout, job.failure_callback_timeout, job.stopped_callback_timeout]`,
      { id },
    );
  /** Python's job with a callback for each moment, of which Node has a handler or not. */
  const enqueueFromPython = (queue: string, call: string, names: [string, string, string]) =>
    sides.python.run<string>(
      `
from rq import Callback
success, failure, stopped = [Callback(n, timeout=7 + at) for at, n in enumerate(names)]
return queue(name).enqueue(call, 60_000, on_success=success, on_failure=failure, on_stopped=stopped).id`,
      { name: queue, call, names },
    );

  it.each(['pool', 'inline'] as const)(
    '34: the one that Python named is called by Node (%s) where a handler has that name, and only it',
    async (isolation) => {
      const name = `named-${isolation}`;
      const troubles: unknown[] = [];
      await sides.boot({
        queues: [name],
        isolation,
        on: { onTrouble: (error) => troubles.push(error) },
      });
      const names: [string, string, string] = [
        'nodejobs.noteSuccess',
        'nodejobs.noteFailure',
        'nodejobs.noteStopped',
      ];
      const id = await enqueueFromPython(name, 'nodejobs.hang', names);
      await running(id);
      await stopFromPython(id);
      await stopped(id);
      await until('it was called', async () => Object.keys(await metaOf(id)).length > 0);
      expect(await metaOf(id)).toEqual({ stopped: 'nodejobs.hang' });
      expect(await callbacksOf(id)).toEqual([...names, 7, 8, 9]);
      expect(troubles).toEqual([]);
    },
  );

  it('34: the one that Node has no handler for is passed over, told once, and kept for Python', async () => {
    const troubles: unknown[] = [];
    const names: [string, string, string] = [
      'nodejobs.noteSuccess',
      'nodejobs.noteFailure',
      'pyjobs.note_stopped',
    ];
    const id = await enqueueFromPython('unnamed', 'nodejobs.hang', names);
    const worker = await sides.boot({
      queues: ['unnamed'],
      on: { onTrouble: (error) => troubles.push(error) },
    });
    await running(id);
    await stopFromPython(id);
    await stopped(id);
    await worker.stop();
    expect(troubles.map(String)).toEqual([
      expect.stringMatching(
        /^CallbackIgnoredError: Python's stopped callback pyjobs.note_stopped is no handler/,
      ),
    ]);
    expect(await metaOf(id)).toEqual({});
    expect(await callbacksOf(id)).toEqual([...names, 7, 8, 9]);
    // Requeued and stopped on Python's side, it is called.
    await sides.redis.hset(`rq:job:${id}`, 'data', await sleepingData());
    await startPythonWorker('unnamed');
    await (await sides.rq.fetch(id)).job.requeue();
    await running(id);
    await (await sides.rq.fetch(id)).job.stop();
    expect(await metaOf(id)).toEqual({ stopped: ['time.sleep'] });
  });

  const sleepingData = async (): Promise<Buffer> => {
    const data = await sides.python.run<string>(
      "return Job.create('time.sleep', args=(60,), connection=r, serializer=JSONSerializer).data.hex()",
    );
    return Buffer.from(data, 'hex');
  };

  it("Node's own is called by Node when Python stops the job", async () => {
    await sides.boot({ queues: ['own'], isolation: 'inline' });
    const options = { onStopped: 'nodejobs.noteStopped', onFailure: 'nodejobs.noteFailure' };
    const job = await sides.rq.queue('own').enqueueWith(options, 'nodejobs.hang', 60_000);
    await running(job.id);
    await stopFromPython(job.id);
    await stopped(job.id);
    await until('it was called', async () => Object.keys(await metaOf(job.id)).length > 0);
    expect(await metaOf(job.id)).toEqual({ stopped: 'nodejobs.hang' });
  });

  it("Node's own is kept and not called when the job is stopped on a Python worker", async () => {
    await startPythonWorker('foreign');
    const job = await sides.rq
      .queue('foreign')
      .enqueueWith({ onStopped: { call: 'nodejobs.noteStopped', timeout: 9 } }, 'time.sleep', 60);
    await running(job.id);
    await job.stop();
    await stopped(job.id);
    expect(await callbacksOf(job.id)).toEqual([null, null, null, 60, 60, 60]);
    expect((await job.fetch()).callbacks).toMatchObject({
      stopped: { name: 'nodejobs.noteStopped', timeoutMs: 9_000, isPython: false },
    });
    expect(await metaOf(job.id)).toEqual({});
  });
});
