import { describe, expect, it } from '@jest/globals';
import { maxJobNumber } from '../../src/actors/executor/gate.js';
import { poolOf } from '../../src/actors/pool.js';
import { planWorker, type WorkerOptions } from '../../src/actors/worker-options.js';

describe('a worker plan', () => {
  it('has every default in place, and `undefined` is no value', () => {
    const plan = planWorker({
      url: 'redis://localhost:1',
      burst: undefined,
    } as unknown as WorkerOptions);
    expect(plan).toMatchObject({
      queues: ['default'],
      isolation: 'pool',
      concurrency: 1,
      prefetch: 'adaptive',
      burst: false,
      graceMs: Number.POSITIVE_INFINITY,
      maxJobs: Number.POSITIVE_INFINITY,
    });
    expect(planWorker({ isolation: 'inline' }).concurrency).toBe(10);
    expect(plan.name).toMatch(/^[\w.-]+-\w+$/);
    expect(planWorker({}).name).not.toBe(plan.name);
  });

  it('names each queue once, in the order given', () => {
    expect(planWorker({ queues: ['b', 'a', 'b'] }).queues).toEqual(['b', 'a']);
  });

  it.each<[Record<string, unknown>, string]>([
    [{ concurency: 2 }, 'concurency: it is none of'],
    [{ queues: [] }, 'queues: it must name at least one queue'],
    [{ queues: ['failed'] }, 'failed'],
    [{ isolation: 'thread' }, 'isolation: it must be pool, fork-per-job or inline'],
    [{ prefetch: 5 }, "prefetch: it must be 0 or 'adaptive'"],
    [{ name: 'a b' }, 'name: it must be 1 to 100 characters'],
    [{ name: '' }, 'name: it must be 1 to 100 characters'],
    [{ concurrency: 0 }, 'concurrency: it must be a whole number above 0'],
    [{ concurrency: Number.NaN }, 'concurrency: it must be a whole number above 0'],
    [{ concurrency: Number.POSITIVE_INFINITY }, 'concurrency: it must be a whole number above 0'],
    [{ maxJobs: 1.5 }, 'maxJobs: it must be a whole number above 0'],
    [{ maxJobsPerChild: '7' }, 'maxJobsPerChild: it must be a whole number above 0'],
    [{ recycleAboveMiB: 0 }, 'recycleAboveMiB: it must be a number above 0'],
    [{ killAboveMiB: -1 }, 'killAboveMiB: it must be a number above 0'],
    [{ graceMs: -1 }, 'graceMs: it must be a number of milliseconds'],
    [{ graceMs: Number.NaN }, 'graceMs: it must be a number of milliseconds'],
    [{ burst: 'yes' }, 'burst: it must be true or false'],
    [{ publishCurrentJob: 1 }, 'publishCurrentJob: it must be true or false'],
    [{ durability: 'yes' }, 'durability: it must be one of warn, require, ignore'],
    [{ maxIdleSeconds: 0 }, 'maxIdleSeconds: it must be a number above 0'],
    [{ inheritEnv: 'PATH' }, 'inheritEnv: it must be a list of names of variables'],
    [{ inheritEnv: ['A', 7] }, 'inheritEnv: it must be a list of names of variables'],
    [{ inheritEnv: ['A=b'] }, "inheritEnv: 'A=b' is no name of a variable"],
    [{ inheritEnv: ['A,B'] }, "inheritEnv: 'A,B' is no name of a variable"],
    [{ inheritEnv: [''] }, "inheritEnv: '' is no name of a variable"],
    [{ inheritEnv: ['RXRQ_URL'] }, 'inheritEnv: children never inherit RXRQ_URL; env gives it'],
    [{ inheritEnv: ['NODE_OPTIONS'] }, 'inheritEnv: children never inherit NODE_OPTIONS'],
    [{ webhooks: 'some' }, 'webhooks: it must be all, none, or a list of hosts'],
    [{ webhooks: [7] }, 'webhooks: 7 is no host'],
    [{ webhooks: ['http://a/'] }, 'webhooks: http://a/ is no host'],
    [{ webhooks: ['*.example.com:99999'] }, 'webhooks: *.example.com:99999 is no host'],
    [{ commands: 'some' }, 'commands: it must be all, none, or a list of commands'],
    [
      { commands: ['stop'] },
      'commands: stop is no command; there are stop-job, kill-horse, shutdown',
    ],
    [{ commands: ['none'] }, 'commands: none is no command'],
    [{ commands: [7] }, 'commands: 7 is no command'],
    [{ webhooks: ['none'], burst: 1 }, 'burst: it must be true or false'],
    [{ order: 'fifo' }, 'order: it must be strict, round-robin, random or { weights }'],
    [{ order: null }, 'order: it must be strict, round-robin, random or { weights }'],
    [{ order: { weights: { other: 1 } } }, "order.weights: other is none of the worker's queues"],
    [{ order: { weights: { default: 0.5 } } }, 'order.weights: each must be a whole number'],
    [{ wire: { narrowLeaseMs: Number.NaN } }, 'wire.narrowLeaseMs'],
    [{ wire: { lease: 1 } }, 'wire.lease'],
  ])('refuses %j', (options, message) => {
    expect(() => planWorker(options as WorkerOptions)).toThrow(message);
  });
});

describe('the pool of a plan', () => {
  it('has a child for each job at a time', () => {
    expect(poolOf(planWorker({ concurrency: 3, maxJobsPerChild: 7 }))).toMatchObject({
      places: 3,
      concurrency: 3,
      prefetch: 'adaptive',
      maxJobs: 7,
    });
  });

  it('gives a child for one job never a second one', () => {
    expect(poolOf(planWorker({ maxJobsPerChild: 1 })).prefetch).toBe(0);
    // A child's jobs have numbers, which must not run out.
    expect(poolOf(planWorker({ maxJobsPerChild: Infinity })).maxJobs).toBeLessThan(maxJobNumber);
    expect(poolOf(planWorker({ isolation: 'fork-per-job', concurrency: 2 }))).toMatchObject({
      places: 4,
      concurrency: 2,
      prefetch: 0,
      maxJobs: 1,
    });
  });

  it('is this process for inline, which nothing replaces', () => {
    expect(poolOf(planWorker({ isolation: 'inline', concurrency: 50 }))).toMatchObject({
      places: 1,
      concurrency: 50,
      maxJobs: Number.POSITIVE_INFINITY,
      maxRssBytes: Number.POSITIVE_INFINITY,
    });
  });
});
