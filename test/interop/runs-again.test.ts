import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { describeWithPython } from '../support/python.js';
import { TwoSides } from './two-sides.js';

describeWithPython('jobs that run again', ['2.12', '1.16'], (version) => {
  let sides: TwoSides;
  beforeAll(async () => {
    sides = await TwoSides.meet(version);
  });
  afterEach(() => sides.stopWorkers());
  afterAll(() => sides?.part());

  const node = (name: string) => sides.burst(name, { isolation: 'inline', scheduler: false });
  const python = (name: string) => sides.python.run('work(name)', { name });
  /** Seconds until the job is due, and back to its queue as a scheduler would; `0` when it is on its queue already. */
  const pauseOf = async (name: string, id: string): Promise<number> => {
    const score = await sides.redis.zscore(`rq:scheduled:${name}`, id);
    if (score === null) return 0;
    const [seconds] = await sides.redis.time();
    await sides.rq.queue(name).job(id).promote();
    return Math.round(Number(score)) - Number(seconds);
  };

  it('a retry with backoff waits in Python as long as in Node', async () => {
    const name = 'backoff';
    const backoff = { kind: 'exponential', delay: 100, factor: 3 } as const;
    const job = await sides.rq
      .queue(name)
      .enqueueWith({ retry: { max: 2, backoff } }, 'both.missing');
    const waits: number[] = [];
    for (let run = 0; run < 2; run += 1) {
      await python(name);
      waits.push(await pauseOf(name, job.id));
    }
    expect(Math.abs((waits[0] ?? 0) - 100)).toBeLessThan(5);
    expect(Math.abs((waits[1] ?? 0) - 300)).toBeLessThan(5);
    await python(name);
    expect((await job.fetch()).status).toBe('failed');
  });

  it('Python reads why a job failed that asked for one run too many', async () => {
    const name = 'asked';
    const id = await sides.python.run<string>("return queue(name).enqueue('both.again', 2, 0).id", {
      name,
    });
    await node(name);
    const seen = await sides.python.run<{ type: string; exc: string }>('return seen(id)', { id });
    expect(seen).toMatchObject({
      status: 'failed',
      is_failed: true,
      value: null,
      type: version === '2.12' ? 'MAX_RETRIES_EXCEEDED' : 'FAILED',
      exc: expect.stringMatching(/^Job failed after 2 retry attempts\nRetryError: not there yet\n/),
    });
    const types = await sides.python.run('return [r.type.name for r in fetch(id).results()]', {
      id,
    });
    expect(types).toEqual(
      version === '2.12' ? ['MAX_RETRIES_EXCEEDED', 'RETRIED', 'RETRIED'] : ['FAILED'],
    );
  });

  if (version === '1.16') return;

  it('a job may ask on either side in turn, and both count', async () => {
    const name = 'in-turn';
    const job = await sides.rq
      .queue(name)
      .enqueueWith({ results: 'stream' }, 'both.again', 2, [50, 70]);
    const waits: number[] = [];
    for (const side of [python, node]) {
      await side(name);
      waits.push(await pauseOf(name, job.id));
    }
    expect(Math.abs((waits[0] ?? 0) - 50)).toBeLessThan(5);
    expect(Math.abs((waits[1] ?? 0) - 70)).toBeLessThan(5);
    expect((await job.fetch()).hash.get('number_of_retries')?.toString()).toBe('2');
    await python(name);
    expect((await job.fetch()).status).toBe('failed');
    const type = await sides.python.run('return fetch(id).latest_result().type.name', {
      id: job.id,
    });
    expect(type).toBe('MAX_RETRIES_EXCEEDED');
  });

  it('30: repeats of Python run in Node after the pauses that Python would take', async () => {
    const name = 'repeats';
    const id = await sides.python.run<string>(
      `
from rq import Repeat
return queue(name).enqueue('nodejobs.add', 2, 3, repeat=Repeat(times=3, interval=[0, 70])).id`,
      { name },
    );
    const waits: number[] = [];
    for (let run = 0; run < 2; run += 1) {
      await node(name);
      waits.push(await pauseOf(name, id));
    }
    expect(waits.every((wait) => Math.abs(wait - 70) < 5)).toBe(true);
    const left = 'job = fetch(id); return [job.repeats_left, str(job.get_status().value)]';
    expect(await sides.python.run(left, { id })).toEqual([1, 'queued']);
    // The last pause is none: the job comes back at once, and the same burst ends it.
    await node(name);
    expect(await sides.python.run(left, { id })).toEqual([0, 'finished']);
    const results = await sides.python.run('return [r.return_value for r in fetch(id).results()]', {
      id,
    });
    expect(results).toEqual([5, 5, 5, 5]);
    const counts = await sides.python.run('return counts(name)', { name });
    expect(counts).toMatchObject({ queued: 0, started: 0, finished: 1 });
  });

  it('30: repeats of Node run in Python, and may change sides', async () => {
    const name = 'repeated';
    const options = { repeat: { times: 3, intervals: [0, '70s'] } } as const;
    const job = await sides.rq.queue(name).enqueueWith(options, 'both.side');
    const waits: number[] = [];
    for (const side of [python, node]) {
      await side(name);
      waits.push(await pauseOf(name, job.id));
    }
    expect(waits.every((wait) => Math.abs(wait - 70) < 5)).toBe(true);
    await python(name);
    const { hash, status } = await job.fetch();
    expect([hash.get('repeats_left')?.toString(), status]).toEqual(['0', 'finished']);
  });
});
