import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { Verdict } from '../../src/index.js';
import { describeWithPython, type RunningPython, startPython } from '../support/python.js';
import { until } from '../support/until.js';
import { pythonEnvironment } from './python-hand.js';
import { TwoSides } from './two-sides.js';

describeWithPython('commands to workers, both ways', ['2.12', '1.16'], (version) => {
  let sides: TwoSides;
  let verdicts: Map<string, Verdict>;
  let troubles: unknown[];
  const pythons: RunningPython[] = [];
  beforeAll(async () => {
    sides = await TwoSides.meet(version);
  });
  afterEach(async () => {
    await sides.stopWorkers();
    await Promise.all(pythons.splice(0).map((worker) => worker.stop()));
  });
  afterAll(() => sides?.part());

  const boot = (name: string, options: Parameters<TwoSides['boot']>[0] = {}) => {
    verdicts = new Map();
    troubles = [];
    return sides.boot({
      queues: [name],
      name,
      ...options,
      on: {
        onSettled: ({ job, verdict }) => verdicts.set(job.jobId, verdict),
        onTrouble: (error) => troubles.push(error),
      },
    });
  };
  const settled = (id: string) => until(`${id} is settled`, () => verdicts.get(id));
  const enqueueHanging = async (queue: string, options = {}) => {
    const id = await sides.python.run<string>(
      "return queue(name).enqueue('nodejobs.hang', 60_000, **{k: Retry(max=v) if k == 'retry' else v for k, v in options.items()}).id",
      { name: queue, options },
    );
    const job = sides.rq.queue(queue).job(id);
    await until('it runs', async () => (await job.fetch()).status === 'started');
    return job;
  };
  const stopFromPython = (id: string) =>
    sides.python.run(
      `
from rq.command import send_stop_job_command
send_stop_job_command(r, id, serializer=JSONSerializer)`,
      { id },
    );
  const commandFromPython = (name: string, command: string) =>
    sides.python.run('import rq.command\ngetattr(rq.command, command)(r, name)', { name, command });
  const startPythonWorker = async (name: string) => {
    const args = ['-m', 'rq.cli', 'worker', '--name', name, name];
    const worker = startPython(version, args, pythonEnvironment(sides.url));
    pythons.push(worker);
    await until('the Python worker listens', async () => {
      const [, listeners] = await sides.redis.pubsub('NUMSUB', `rq:pubsub:${name}`);
      // It subscribes before it handles signals, which is how it tells itself to shut down: it would die unheard.
      const state = await sides.redis.hget(`rq:worker:${name}`, 'state');
      return Number(listeners) > 0 && state === 'idle';
    });
    return worker;
  };

  it('27: Python stops a job that is settled by hand, and its lists of workers do not show the consumer', async () => {
    const consuming = sides.rq
      .queue('by-hand')
      .deliveries$()
      .subscribe((delivery) => {
        delivery.signal.addEventListener('abort', () => void delivery.fail('stopped'));
      });
    const job = await enqueueHanging('by-hand', { retry: 3 });
    expect(await sides.python.run('return len(Worker.all(r))')).toBe(0);
    await stopFromPython(job.id);
    await until('it is stopped', async () => (await job.fetch()).status === 'stopped');
    expect(
      await sides.python.run('return [fetch(id).is_stopped, fetch(id).retries_left]', {
        id: job.id,
      }),
    ).toEqual([true, 3]);
    consuming.unsubscribe();
  });

  it.each(['pool', 'inline'] as const)(
    '27: Python stops a Node job (%s): status stopped, in the failed registry, no retry',
    async (isolation) => {
      const name = `stop-${isolation}`;
      await boot(name, { isolation });
      const job = await enqueueHanging(name, { retry: 3 });
      const dependent = await sides.python.run<string>(
        "return queue(name).enqueue('nodejobs.add', 1, depends_on=fetch(id)).id",
        { name, id: job.id },
      );
      await stopFromPython(job.id);
      expect(await settled(job.id)).toBe('stopped');
      const text = 'Job stopped by user, work-horse terminated.';
      expect(await sides.python.run('return seen(id)', { id: job.id })).toMatchObject({
        status: 'stopped',
        is_failed: false,
        type: 'FAILED',
        exc: text,
      });
      expect(
        await sides.python.run(
          'return [fetch(id).is_stopped, fetch(id).retries_left, queue(name).failed_job_registry.get_job_ids(), str(fetch(dependent).get_status(refresh=True))]',
          { id: job.id, name, dependent },
        ),
      ).toEqual([true, 3, [job.id], expect.stringMatching(/deferred/i)]);
      expect(await sides.redis.zcard(`rq:wip:${name}`)).toBe(0);
      const failed = await sides.rq.failedQueue.jobs();
      expect(failed.map(({ id }) => id)).toContain(job.id);
      const events = await sides.redis.xrange(`rxrq:events:${name}`, '-', '+');
      const kinds = events.flatMap(([, fields]) => fields.filter((_, at) => at % 2 === 0));
      expect(kinds.slice(-2)).toEqual(['stopped', 'quarantined']);
      await job.requeue();
      await until('it runs again', async () => (await job.fetch()).status === 'started');
      await job.stop();
    },
  );

  it('28: Python kills the horse: the job fails with words that RQ has for it, or is retried', async () => {
    await boot('killed');
    const job = await enqueueHanging('killed', { retry: 1 });
    await commandFromPython('killed', 'send_kill_horse_command');
    expect(await settled(job.id)).toBe('retried');
    verdicts.clear();
    await until('it runs again', async () => (await job.fetch()).attempt === 2);
    await commandFromPython('killed', 'send_kill_horse_command');
    expect(await settled(job.id)).toBe('quarantined');
    const text = 'Work-horse terminated unexpectedly; waitpid returned 9 (signal 9); ';
    expect(await sides.python.run('return seen(id)', { id: job.id })).toMatchObject({
      status: 'failed',
      exc: text,
    });
  });

  it('28: Python has the worker shut down: what runs ends first', async () => {
    const worker = await boot('shut', { isolation: 'inline' });
    const job = await sides.rq.queue('shut').enqueue('nodejobs.hang', 400);
    await until('it runs', async () => (await job.fetch()).status === 'started');
    await commandFromPython('shut', 'send_shutdown_command');
    expect(await worker.done).toMatchObject({ finished: 1, left: [] });
    expect(await job.result({ timeoutMs: 5_000 })).toBe('hung on');
    expect(await sides.redis.hget('rq:worker:shut', 'death')).toBeTruthy();
  });

  it('passes over what is no command, and tells it once', async () => {
    await boot('odd', { isolation: 'inline' });
    const channel = 'rq:pubsub:odd';
    for (const text of [
      '',
      'nonsense',
      '[]',
      '7',
      '{"command": "dance"}',
      '{"command": "stop-job"}',
    ])
      await sides.redis.publish(channel, text);
    await sides.redis.publish(channel, Buffer.from([0xff, 0xfe]));
    expect(await sides.rq.worker('odd').ping()).toMatchObject({ state: 'idle', jobs: [] });
    expect(troubles).toHaveLength(1);
    const job = await sides.rq.queue('odd').enqueue('nodejobs.add', 1, 2);
    expect(await job.result({ timeoutMs: 5_000 })).toBe(3);
  });

  it('Node stops a job that a Python worker runs', async () => {
    await startPythonWorker('pystop');
    const job = await sides.rq
      .queue('pystop')
      .enqueueWith({ serializer: 'pickle', retry: { max: 2 } }, 'time.sleep', 60);
    await until('it runs', async () => (await job.fetch()).workerName === 'pystop');
    await until('it runs', async () => (await job.fetch()).status === 'started');
    await job.stop();
    expect((await job.fetch()).status).toBe('stopped');
    await expect(job.result({ timeoutMs: 1_000 })).rejects.toThrow(/stopped by user/);
  });

  const enqueueSleeping = async (queue: string, seconds: number) => {
    const job = await sides.rq
      .queue(queue)
      .enqueueWith({ serializer: 'pickle', retry: { max: 2 } }, 'time.sleep', seconds);
    await until('it runs', async () => (await job.fetch()).status === 'started');
    return job;
  };
  const isIdle = async (name: string) =>
    (await sides.redis.hget(`rq:worker:${name}`, 'state')) === 'idle';
  const countsOf = (name: string) => sides.python.run('return counts(name)', { name });
  const none = { queued: 0, started: 0, finished: 0, failed: 0, canceled: 0 };
  // Before 2.7 a stop makes a worker without children kill its own process group: those are not told.
  const isTold = version === '2.12';

  it('33: Node cancels a job that a Python worker runs', async () => {
    const { rq, redis } = sides;
    await startPythonWorker('pycancel');
    const job = await enqueueSleeping('pycancel', isTold ? 60 : 1);
    const waiting = await rq
      .queue('pycancel')
      .enqueueWith({ serializer: 'pickle', dependsOn: job }, 'time.sleep', 0);
    await job.cancel({ enqueueDependents: true });
    if (isTold) {
      await until('what waited for it has run', async () => {
        return (await waiting.fetch()).status === 'finished';
      });
      await until('the worker is free', () => isIdle('pycancel'));
      expect((await job.fetch()).status).toBe('canceled');
      expect(await countsOf('pycancel')).toEqual({ ...none, finished: 1, canceled: 1 });
      expect(await redis.lrange('rq:queue:failed', 0, -1)).not.toContain(job.id);
      await expect(job.result({ timeoutMs: 1_000 })).rejects.toThrow(/canceled/);
      await expect(job.cancel()).rejects.toThrow(/canceled already/);
    } else {
      await until('it ends', async () => (await job.fetch()).status === 'finished');
    }
  });

  it('33: Node deletes a job that a Python worker runs', async () => {
    const { redis } = sides;
    await startPythonWorker('pydelete');
    const job = await enqueueSleeping('pydelete', isTold ? 60 : 1);
    expect(await job.delete()).toBe(true);
    await until('the worker is free', () => isIdle('pydelete'));
    if (isTold) expect(await redis.keys(`rq:*${job.id}*`)).toEqual([]);
    else expect((await job.fetch()).status).toBe('finished');
  });

  it('Node commands a Python worker: it hears, and does not answer', async () => {
    await startPythonWorker('pyshut');
    const handle = sides.rq.worker('pyshut');
    expect(await handle.killHorse()).toEqual({ isAcknowledged: false });
    await expect(handle.ping({ timeoutMs: 300 })).rejects.toThrow(/pyshut/);
    expect(await handle.shutdown()).toEqual({ isAcknowledged: false });
    await until('it is gone', async () => sides.redis.hget('rq:worker:pyshut', 'death'));
    await expect(handle.shutdown()).rejects.toThrow(/No worker "pyshut" is alive/);
  });
});
