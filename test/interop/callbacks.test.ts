import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { Wire } from '../redis/support/wire.js';
import { describeWithPython } from '../support/python.js';
import { until } from '../support/until.js';
import { type Received, Receiver } from '../support/webhook-receiver.js';
import { TwoSides } from './two-sides.js';

describeWithPython('Callbacks', ['2.12', '1.16'], (version) => {
  let sides: TwoSides;
  beforeAll(async () => {
    sides = await TwoSides.meet(version);
  });
  afterAll(() => sides?.part());

  it('34: of Python are called by Node where a handler has that very name, and else ignored and told once', async () => {
    const ids = await sides.python.run<string[]>(`
      on = dict(on_success='nodejobs.noteSuccess', on_failure='nodejobs.noteFailure')
      off = dict(on_success='pyjobs.add', on_failure='pyjobs.add', on_stopped='pyjobs.note_stopped')
      q = queue('named')
      jobs = [q.enqueue('nodejobs.add', 1, 2, **on), q.enqueue('nodejobs.fail', 'no', **on)]
      jobs += [q.enqueue('nodejobs.add', n, **off) for n in range(3)]
      return [job.id for job in jobs]`);
    const troubles: unknown[] = [];
    await sides.burst('named', { on: { onTrouble: (error) => troubles.push(error) } });
    const records = await sides.rq.fetchMany(ids);
    expect(records.map((record) => record?.status)).toEqual([
      'finished',
      'failed',
      'finished',
      'finished',
      'finished',
    ]);
    expect(records.map((record) => record?.meta)).toEqual([
      { success: 3 },
      { failure: 'TypeError: no' },
      {},
      {},
      {},
    ]);
    expect(troubles.map(String)).toEqual([
      expect.stringMatching(
        /^CallbackIgnoredError: Python's success callback pyjobs.add is no handler/,
      ),
    ]);
    const kept = `
jobs = [fetch(id) for id in ids]
return [[job._success_callback_name, job._failure_callback_name, job._stopped_callback_name] for job in jobs]`;
    const [ours, theirs] = [
      ['nodejobs.noteSuccess', 'nodejobs.noteFailure', null],
      ['pyjobs.add', 'pyjobs.add', 'pyjobs.note_stopped'],
    ];
    expect(await sides.python.run(kept, { ids })).toEqual([ours, ours, theirs, theirs, theirs]);
  });

  it('of a job of Node are not called for one that Python enqueues anew under its id, and stay with one that Python saves', async () => {
    const { rq, python, redis } = sides;
    const onSuccess = 'nodejobs.noteSuccess';
    const options = (jobId: string) => ({ jobId, onSuccess });
    await rq.queue('lives').enqueueWith(options('anew'), 'nodejobs.add', 1, 2);
    await rq.queue('lives').enqueueWith(options('saved'), 'nodejobs.add', 1, 3);
    await python.run("job = fetch('saved')\njob.description = 'mine'\njob.save()");
    await sides.burst('lives');
    const metas = async () => (await rq.fetchMany(['anew', 'saved'])).map((record) => record?.meta);
    expect(await metas()).toEqual([{ success: 3 }, { success: 4 }]);

    await redis.hset('rq:job:anew', 'x_recoveries', 1, 'x_passes', 3);
    await python.run("queue('lives').enqueue('nodejobs.add', 5, 5, job_id='anew')");
    expect((await rq.fetchMany(['anew']))[0]).toMatchObject({ status: 'queued', callbacks: {} });
    await sides.burst('lives');
    // RQ leaves the meta that was there.
    expect(await metas()).toEqual([{ success: 3 }, { success: 4 }]);
    expect(await rq.queue('lives').job('anew').result({ timeoutMs: 0 })).toBe(10);
    expect(
      Object.keys(await redis.hgetall('rq:job:anew')).filter((name) => name.startsWith('x_')),
    ).toEqual(['x_attempt']);
  });

  it('34: of Node are no names for Python, which runs and cleans the job as it would without', async () => {
    const { rq, python, redis } = sides;
    const options = {
      onSuccess: 'only.node',
      onFailure: { call: 'only.node', timeout: '2m' },
    } as const;
    const job = await rq.queue('ours').enqueueWith(options, 'pyjobs.add', 1);
    const bad = await rq.queue('ours').enqueueWith(options, 'pyjobs.fail', 'no');
    await python.run(`work('ours')`);
    expect(await job.result({ timeoutMs: 5_000 })).toBe(1);
    expect((await bad.fetch()).status).toBe('failed');
    expect(await python.run(`return fetch(id).success_callback`, { id: job.id })).toBeNull();
    expect(JSON.parse((await redis.hget(`rq:job:${job.id}`, 'x_callbacks')) ?? '')).toEqual({
      success: ['only.node', 60],
      failure: ['only.node', 120],
    });
    expect((await job.fetch()).callbacks).toMatchObject({
      failure: { name: 'only.node', timeoutMs: 120_000, isPython: false },
    });
  });

  if (version === '2.12') {
    /** A worker that is dead by now has the job. */
    let wire: Wire | undefined;
    afterAll(() => wire?.close());
    const abandon = async (queue: string): Promise<void> => {
      wire ??= new Wire(sides.url);
      const { jobId, execution } = await wire.worker(queue).claimOne();
      await sides.redis.zadd(`rq:wip:${queue}`, 1, `${jobId}:${execution}`);
    };
    const enqueue = (queue: string, options: string) =>
      sides.python.run<string>(
        `return queue('${queue}').enqueue('nodejobs.add', 1, ${options}).id`,
      );

    it.each([
      ['', 'failed'],
      [', retry=Retry(max=1)', 'queued'],
    ])('34: of an abandoned job are called by RQ%s, and by Node, once', async (retry, status) => {
      const { python, rq } = sides;
      const theirs = await enqueue('cleaned', `on_failure='pyjobs.note_failure'${retry}`);
      await abandon('cleaned');
      await python.run("return len(queue('cleaned').started_job_registry)");
      const cleaned = (await rq.fetch(theirs)).record;
      expect([cleaned.status, cleaned.meta]).toEqual([status, { failure: ['AbandonedJobError'] }]);
      await rq.queue('cleaned').empty();

      const ours = await enqueue('saved', `on_failure='nodejobs.noteFailure'${retry}`);
      await abandon('saved');
      const troubles: unknown[] = [];
      const worker = await sides.boot({
        queues: ['saved'],
        wire: { narrowLeaseMs: 400, wideLeaseSeconds: 1, maxRecoveries: 0 },
        on: { onTrouble: (error) => troubles.push(error) },
      });
      const meta = async () => (await rq.fetch(ours)).record.meta;
      await until('it was called', async () => Object.keys(await meta()).length > 0);
      expect(await meta()).toEqual({ failure: 'AbandonedJobError: its worker died' });
      const end = retry === '' ? 'failed' : 'finished';
      await until('it is done', async () => (await rq.fetch(ours)).record.status === end);
      await worker.stop();
      expect(troubles).toEqual([]);
    });
  }

  it('23: without a value there is no field return_value, also where an attempt was kept before', async () => {
    const { rq, python } = sides;
    const job = await rq
      .queue('kept')
      .enqueueWith({ results: 'stream', retry: { max: 1 } }, 'nodejobs.flaky', 2);
    await sides.burst('kept');
    const results = await job.results();
    expect(results.map(({ kind }) => kind)).toEqual(['successful', 'failed']);
    expect(results[0]).toMatchObject({ value: 2 });
    expect(results[1]?.traceback).toContain('attempt 1 fails');
    const seen = await python.run(
      `
      job = fetch(id)
      return [len(job.results()), job.return_value(), job.latest_result().type.name, job.exc_info]`,
      { id: job.id },
    );
    expect(seen).toEqual([2, 2, 'SUCCESSFUL', null]);
    const nothing = await rq.queue('kept').enqueueWith({ results: 'stream' }, 'nodejobs.nothing');
    await sides.burst('kept');
    const entry = await sides.redis.xrange(`rq:results:${nothing.id}`, '-', '+');
    expect(entry[0]?.[1]).not.toContain('return_value');
    expect((await nothing.latestResult())?.value).toBeUndefined();
  });

  it('keeps no retried attempt of a job that Python enqueued: its producer may wait for the first entry', async () => {
    const id = await sides.python.run<string>(
      `return queue('theirs').enqueue('nodejobs.flaky', 2, retry=Retry(max=1)).id`,
    );
    await sides.burst('theirs');
    const { job } = await sides.rq.fetch(id);
    expect((await job.results()).map(({ kind }) => kind)).toEqual(['successful']);
  });
});

describeWithPython('Webhooks', ['2.12'], (version) => {
  let sides: TwoSides;
  const receiver = new Receiver();
  beforeAll(async () => {
    await receiver.listen();
    sides = await TwoSides.meet(version);
  });
  beforeEach(() => {
    receiver.received.length = 0;
  });
  afterAll(async () => {
    receiver.close();
    await sides?.part();
  });

  const shape = ({ method, path, headers, body }: Received) => ({
    method,
    path,
    type: headers['content-type'] ?? null,
    key: headers['x-key'] ?? null,
    body: body && {
      ...body,
      job_id: '',
      func_name: '',
      enqueued_at: String(body.enqueued_at).replace(/\d/g, '0'),
      ended_at: String(body.ended_at).replace(/\d/g, '0').replace(/\.0+/, '.000000'),
      exc_info: typeof body.exc_info,
    },
  });
  const inOrder = () => receiver.received.map(shape).sort((a, b) => (a.path < b.path ? -1 : 1));

  it('of both producers are sent alike by both workers', async () => {
    const { python, rq } = sides;
    const headers = { 'X-Key': 'k' };
    const make = (worker: string) => ({
      webhooks: [
        { url: `${receiver.url}/get`, on: 'finished' as const },
        {
          url: `${receiver.url}/posted`,
          on: 'finished' as const,
          method: 'POST' as const,
          headers,
        },
        { url: `${receiver.url}/unused-${worker}`, on: 'failed' as const },
      ],
    });
    const failing = {
      webhooks: [
        {
          url: `${receiver.url}/z`,
          on: 'failed' as const,
          method: 'POST' as const,
          timeout: '5s' as const,
        },
      ],
    };
    await rq.queue('to-python').enqueueWith(make('python'), 'pyjobs.add', 1);
    await rq.queue('to-python').enqueueWith(failing, 'pyjobs.fail', 'no');
    await python.run(`work('to-python')`);
    await until('Python has sent', () => receiver.received.length === 3);
    const byPython = inOrder();
    expect(byPython.map(({ path }) => path)).toEqual(['/get', '/posted', '/z']);
    receiver.received.length = 0;
    const id = await python.run<string>(
      `
      from rq import Webhook
      w = [Webhook(url + '/get', 'finished'),
           Webhook(url + '/posted', 'finished', method='POST', headers={'X-Key': 'k'}),
           Webhook(url + '/unused', 'failed')]
      job = queue('to-node').enqueue('nodejobs.add', 1, webhooks=w)
      queue('to-node').enqueue('nodejobs.fail', 'no', webhooks=[Webhook(url + '/z', 'failed', method='POST')])
      return job.id`,
      { url: receiver.url },
    );
    await sides.burst('to-node');
    await until('Node has sent', () => receiver.received.length === 3);
    expect(inOrder()).toEqual(byPython);
    const posted = receiver.received.find(({ path }) => path === '/posted')?.body;
    expect(posted).toMatchObject({ job_id: id, func_name: 'nodejobs.add', status: 'finished' });
    const failed = receiver.received.find(({ path }) => path === '/z')?.body;
    expect(failed?.exc_info).toMatch(/^TypeError: no/);
  });

  it('of jobs that nobody can begin are sent, and their failure callbacks called, by both', async () => {
    const { python, rq, redis } = sides;
    const make = (queue: string, callback: string) =>
      python.run<string[]>(
        `
        from rq import Webhook
        on = dict(on_failure=callback, webhooks=[Webhook(url + '/' + name, 'failed', method='POST')])
        jobs = [queue(name).enqueue('no.where', 1, **on), queue(name).enqueue('nodejobs.add', 1, **on)]
        return [job.id for job in jobs]`,
        { name: queue, callback, url: receiver.url },
      );
    const told = async (ids: string[], count: number) => {
      await until(`${count} are told of`, () => receiver.received.length >= count);
      const metas = await Promise.all(ids.map((id) => redis.hget(`rq:job:${id}`, 'meta')));
      return metas.map((meta) => JSON.parse(meta ?? '{}'));
    };

    const theirs = await make('unbegun-python', 'pyjobs.note_failure');
    await redis.hset(`rq:job:${theirs[1]}`, 'data', 'half a');
    await python.run(`work('unbegun-python')`);
    // The body of a webhook has the function's name, which RQ cannot read either: it sends none then.
    expect(await told(theirs, 1)).toEqual([
      { failure: ['ValueError'] },
      { failure: ['DeserializationError'] },
    ]);
    expect(receiver.received.map(({ body }) => body?.job_id)).toEqual([theirs[0]]);
    receiver.received.length = 0;

    const ours = await make('unbegun-node', 'nodejobs.noteFailure');
    await redis.hset(`rq:job:${ours[1]}`, 'data', '["half a');
    const worker = await sides.boot({ queues: ['unbegun-node'], isolation: 'inline' });
    expect(await told(ours, 2)).toEqual([
      { failure: expect.stringContaining('NoHandlerError: no handler "no.where"') },
      { failure: expect.stringContaining('UndecodablePayloadError: ') },
    ]);
    await worker.stop();
    expect(await rq.fetchMany(ours)).toMatchObject([{ status: 'failed' }, { status: 'failed' }]);
  });

  it('that fail are told without their secrets, follow nothing, and change no job', async () => {
    const urls = ['moved', 'broken?token=secret'].map((path) => `${receiver.url}/${path}`);
    urls.push('http://127.0.0.1:1/refused');
    const webhooks = urls.map((url) => ({ url, on: 'finished' as const }));
    const job = await sides.rq.queue('bad').enqueueWith({ webhooks }, 'nodejobs.add', 1);
    const troubles: unknown[] = [];
    await sides.burst('bad', { on: { onTrouble: (error) => troubles.push(error) } });
    expect(await job.result({ timeoutMs: 5_000 })).toBe(1);
    await until('all are told', () => troubles.length === 3);
    expect(troubles.map(String).sort()).toEqual([
      expect.stringMatching(/^WebhookFailedError: Webhook http:.*:1\/refused of job .* failed/),
      expect.stringMatching(/\/broken of job \S+ failed: it answered 500$/),
      expect.stringMatching(/\/moved of job \S+ failed: it answered 302$/),
    ]);
    expect(receiver.received.map(({ path }) => path)).not.toContain('/elsewhere');
  });

  it('that cannot be read are told, and the job runs', async () => {
    const job = await sides.rq
      .queue('odd')
      .enqueueWith({ onSuccess: 'nodejobs.noteSuccess' }, 'nodejobs.add', 1, 1);
    await sides.redis.hset(`rq:job:${job.id}`, 'webhooks', '[{"url": "ftp://x"}]');
    const troubles: unknown[] = [];
    await sides.burst('odd', { on: { onTrouble: (error) => troubles.push(error) } });
    expect((await job.fetch()).meta).toEqual({ success: 2 });
    expect(troubles.map(String)).toEqual([
      expect.stringMatching(/UnreadableAfterwardsError: .*url must begin with http/),
    ]);
  });
});
