import { hostname } from 'node:os';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { bootCron, defineCron, type RunningCron } from '../../src/index.js';
import { describeWithPython, startPython } from '../support/python.js';
import { until } from '../support/until.js';
import { pythonEnvironment } from './python-hand.js';
import { TwoSides } from './two-sides.js';

const cronFixture = new URL('./fixtures/cronjobs.py', import.meta.url).pathname;

const entries = defineCron([
  { task: 'pyjobs.add', args: [40, 2], intervalSeconds: 3_600, queue: 'from-node' },
  {
    name: 'every kind',
    task: 'nodejobs.add',
    args: [{ a: [1] }],
    queue: 'from-node',
    cron: '*/20 0 3 * * MON',
    timeZone: 'Europe/Berlin',
    options: {
      kwargs: { k: 'v' },
      timeoutSeconds: 30,
      ttlSeconds: 60,
      resultTtlSeconds: 70,
      failureTtlSeconds: 80,
      meta: { m: 1 },
      webhooks: [
        { url: 'https://example.com/done', on: 'finished', method: 'POST', headers: { a: 'b' } },
        { url: 'https://example.com/failed', on: 'failed', timeoutSeconds: 3 },
      ],
    },
  },
  { name: 'W', task: 'a.b', cron: '0 0 15W * *' },
  { name: '#', task: 'a.b', cron: '0 0 * * MON#2' },
  { name: 'L', task: 'a.b', cron: '0 0 L * ?' },
  { name: '@', task: 'a.b', cron: '@monthly' },
  { name: 'too large', task: 'a.b', args: [2n ** 80n], cron: '@daily' },
]);

const entryTexts = `
def text(job):
    return [job.name, job.func_name, job.queue_name, list(job.args) if isinstance(job.args, tuple) else job.args,
            job.kwargs, job.interval, job.cron,
            {key: [one.to_dict() for one in value] if key == 'webhooks' else value
             for key, value in job.job_options.items()}]
`;

describeWithPython('cron beside `rq cron`', ['2.12'], (version) => {
  let sides: TwoSides;
  let cron: RunningCron | null = null;
  beforeAll(async () => {
    sides = await TwoSides.meet(version);
  });
  beforeEach(() => sides.redis.flushdb());
  afterEach(async () => {
    await cron?.stop();
    cron = null;
  });
  afterAll(() => sides?.part());
  const boot = async (name = 'node-cron'): Promise<RunningCron> => {
    cron = await bootCron({ entries, url: sides.url, name, handleSignals: false });
    return cron;
  };

  it("is listed by Python's tools, with all that they read", async () => {
    const { python, rq } = sides;
    await boot();
    const listed = await until('its entries are told', async () => {
      const all = await python.run<unknown[][]>(`
from rq.cron import CronScheduler
${entryTexts}
return [[s.name, s.hostname, s.pid, s.config_file, s.last_heartbeat is not None,
         [text(job) for job in s.get_jobs()], [str(job.next_enqueue_time) for job in s.get_jobs()]]
        for s in CronScheduler.all(r)]`);
      return (all[0]?.[5] as unknown[] | undefined)?.length ? all : null;
    });
    expect(listed).toHaveLength(1);
    expect(listed[0]?.slice(0, 5)).toEqual(['node-cron', hostname(), process.pid, '', true]);
    const times = await rq.cronSchedulers();
    expect(listed[0]?.[5]).toEqual([
      ['pyjobs.add', 'pyjobs.add', 'from-node', [40, 2], {}, 3_600, null, { result_ttl: 500 }],
      [
        'every kind',
        'nodejobs.add',
        'from-node',
        [{ a: [1] }],
        { k: 'v' },
        null,
        '0 3 * * MON */20',
        {
          job_timeout: 30,
          ttl: 60,
          result_ttl: 70,
          failure_ttl: 80,
          meta: { m: 1 },
          webhooks: [
            {
              url: 'https://example.com/done',
              job_status: 'finished',
              method: 'POST',
              headers: { a: 'b' },
              timeout: 10,
            },
            {
              url: 'https://example.com/failed',
              job_status: 'failed',
              method: 'GET',
              headers: null,
              timeout: 3,
            },
          ],
        },
      ],
      ['W', 'a.b', 'default', [], {}, null, '0 0 15W * *', { result_ttl: 500 }],
      ['#', 'a.b', 'default', [], {}, null, '0 0 * * MON#2', { result_ttl: 500 }],
      ['L', 'a.b', 'default', [], {}, null, '0 0 L * ?', { result_ttl: 500 }],
      ['@', 'a.b', 'default', [], {}, null, '@monthly', { result_ttl: 500 }],
      [
        'too large',
        'a.b',
        'default',
        '<not JSON serializable>',
        {},
        null,
        '@daily',
        { result_ttl: 500 },
      ],
    ]);
    // The next time as we mean it, in our zone.
    const next = times[0]?.entries[1]?.nextEnqueue as Date;
    expect((listed[0]?.[6] as string[] | undefined)?.[1]).toBe(
      `${next.toISOString().slice(0, 19).replace('T', ' ')}+00:00`,
    );
  });

  it("has its jobs run by Python's workers, and found in RQ's history", async () => {
    const { python, rq } = sides;
    await boot();
    const [id] = await until('the interval has fired', async () => {
      const ids = await rq.cronJobIds('pyjobs.add');
      return ids.length === 1 && ids;
    });
    expect(
      await python.run(`
from rq import cron, cron_job_registry
work('from-node')
[id] = cron.get_cron_job_ids('pyjobs.add', r)
return [id, cron_job_registry.get_names(r), fetch(id).return_value() or fetch(id).result]`),
    ).toEqual([id, ['pyjobs.add'], 42]);
    expect(await rq.cronNames()).toEqual(['pyjobs.add']);
  });

  it("is gone for Python's tools when it stops, and lists what Python runs", async () => {
    const { python, rq, url } = sides;
    const own = await boot();
    const running = startPython(
      version,
      ['-m', 'rq.cli', 'cron', cronFixture],
      pythonEnvironment(url),
    );
    try {
      const listed = await until('both are listed', async () => {
        const all = await rq.cronSchedulers();
        const python = all.find(({ name }) => name !== 'node-cron');
        return all.length === 2 && python?.entries[0]?.latestEnqueue ? python : null;
      });
      expect(listed).toMatchObject({
        hostname: hostname(),
        pid: running.child.pid,
        configFile: cronFixture,
        createdAt: expect.any(Date),
        lastHeartbeat: expect.any(Date),
      });
      expect(listed.entries).toMatchObject([
        {
          name: 'adding',
          functionName: 'pyjobs.add',
          args: [1, 2],
          intervalSeconds: 60,
          cron: null,
        },
        {
          name: 'pyjobs.echo',
          kwargs: { a: 1 },
          cron: '0 3 * * *',
          timeZone: null,
          latestEnqueue: null,
        },
      ]);
      expect(await rq.cronJobIds('adding')).toHaveLength(1);
      await own.stop();
      expect(
        await python.run(`
from rq.cron import CronScheduler
return [s.name for s in CronScheduler.all(r)]`),
      ).toEqual([listed.name]);
    } finally {
      await running.stop();
    }
    expect(await rq.cronSchedulers()).toEqual([]);
  });
});

describeWithPython('cron beside a Python that knows none', ['1.16'], (version) => {
  let sides: TwoSides;
  let cron: RunningCron;
  beforeAll(async () => {
    sides = await TwoSides.meet(version);
    cron = await bootCron({ entries, url: sides.url, handleSignals: false });
  });
  afterAll(async () => {
    await cron?.stop();
    await sides?.part();
  });

  it('has its jobs run there, and its keys in nobody’s way', async () => {
    const { python, rq } = sides;
    const [id] = await until('the interval has fired', async () => {
      const ids = await rq.cronJobIds('pyjobs.add');
      return ids.length === 1 && ids;
    });
    expect(await python.run('work("from-node")\nreturn fetch(id).result', { id })).toBe(42);
    expect(await python.run<string>("return cli('info', '--raw')")).toContain('queue from-node 0');
  });
});
