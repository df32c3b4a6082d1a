import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { describeWithPython, startPython } from '../../support/python.js';
import { until } from '../../support/until.js';
import { pythonEnvironment } from '../python-hand.js';
import { TwoSides } from '../two-sides.js';
import { type Damage, damages } from './damages.js';

const inline = { isolation: 'inline' as const };
const oddId = 'dropped not an id that RQ accepts';

const wordsOf = (fate: Damage['fate']) =>
  fate === 'finished'
    ? fate
    : 'quarantined' in fate
      ? expect.stringMatching(new RegExp(`^quarantined .*${fate.quarantined.source}`))
      : expect.stringMatching(new RegExp(`^dropped .*${fate.dropped.source}`));

const json = 'rq.serializers.JSONSerializer';

describeWithPython('damage that anybody can do', ['2.12', '1.16'], (version) => {
  let sides: TwoSides;
  beforeAll(async () => {
    sides = await TwoSides.meet(version);
  });
  afterEach(() => sides.stopWorkers());
  afterAll(() => sides?.part());

  /** Does the damage to a job that waits at the end of its queue, and tells under which name it goes on. */
  const damage = async (queue: string, id: string, { fields, key, id: other }: Damage) => {
    const { redis } = sides;
    const jobKey = `rq:job:${id}`;
    for (const [field, value] of Object.entries(fields ?? {})) {
      if (value === null) await redis.hdel(jobKey, field);
      else await redis.hset(jobKey, field, value);
    }
    if (key) await redis.del(jobKey);
    if (key === 'string') await redis.set(jobKey, 'x');
    if (key === 'list') await redis.rpush(jobKey, 'x');
    if (other !== undefined) await redis.lset(`rq:queue:${queue}`, -1, other);
  };

  it('47: S11: puts each unreadable job aside with a reason; all others run, on both sides', async () => {
    const { rq, redis, python, url } = sides;
    const args = ['-m', 'rq.cli', 'worker', 'pythons', '-S', json, '--name', 'beside'];
    const beside = startPython(version, args, pythonEnvironment(url));
    try {
      const ids = await python.run<string[]>(
        "return [queue('damaged').enqueue('nodejobs.echo', result_ttl=600).id for _ in range(count)]",
        { count: damages.length },
      );
      const sound = await rq
        .queue('damaged')
        .enqueueMany(damages.map(({ name }) => ({ name: 'nodejobs.echo', args: [name] })));
      await rq.queue('pythons').enqueueMany(damages.map(() => ({ name: 'both.side' })));
      await redis.del('rq:queue:damaged');
      for (const [n, each] of damages.entries()) {
        await redis.rpush('rq:queue:damaged', ids[n] as string);
        await damage('damaged', ids[n] as string, each);
        await redis.rpush('rq:queue:damaged', sound[n]?.id as string);
      }
      const fates = new Map<string, string[]>();
      const events = rq.events(['damaged'], 'start').subscribe((event) => {
        if (event.kind === 'gap') throw new Error('the log was trimmed');
        const words = fates.get(event.jobId) ?? [];
        if (event.kind === 'quarantined' || event.kind === 'dropped')
          words.push(`${event.kind} ${event.reason}`);
        else if (event.kind === 'finished') words.push(event.kind);
        fates.set(event.jobId, words);
      });
      const wire = { payloadLimitBytes: 250_000 };
      const worker = await sides.boot({ queues: ['damaged'], ...inline, wire });
      await until('the queue is empty', async () => {
        return (await redis.exists('rq:queue:damaged', 'rq:wip:damaged')) === 0;
      });
      await until('Python has done its part', async () => {
        return (await redis.zcard('rq:finished:pythons')) === damages.length;
      });
      await until('all is told', () => fates.get(sound.at(-1)?.id as string)?.includes('finished'));
      events.unsubscribe();

      expect((await worker.stop()).finished).toBeGreaterThanOrEqual(sound.length);
      for (const { id } of sound) expect([id, fates.get(id)]).toEqual([id, ['finished']]);
      const told = damages.map((each, n) => {
        // An id that is none is told in a printable form; by its reason it is known.
        const words = each.id === undefined ? fates.get(ids[n] as string) : [oddId];
        return { name: each.name, words: words?.join() };
      });
      const wanted = damages.map(({ name, fate }) => ({ name, words: wordsOf(fate) }));
      expect(told).toEqual(wanted);
      const odd = [...fates.values()].filter((words) => words.includes(oddId));
      expect(odd.length).toBeGreaterThanOrEqual(8);

      // What was put aside, Python's tools can look at.
      const aside = damages.flatMap((each, n) =>
        typeof each.fate === 'object' && 'quarantined' in each.fate && each.fields?.data !== null
          ? [ids[n] as string]
          : [],
      );
      const seen = await python.run<string[]>(
        'return [str(fetch(id).exc_info) for id in ids if fetch(id).is_failed]',
        { ids: aside },
      );
      expect(seen).toHaveLength(aside.length);
      for (const text of seen) expect(text).not.toBe('');
      const running = damages.flatMap((each, n) =>
        each.fate === 'finished' && !each.unreadableToPython ? [ids[n] as string] : [],
      );
      expect(
        await python.run('return [id for id in ids if not fetch(id).is_finished]', {
          ids: running,
        }),
      ).toEqual([]);
      expect(await python.run<string>("return cli('info', '--raw')")).toContain('queue damaged 0');
    } finally {
      await beside.stop();
    }
  });

  it('S11: entries of a registry that are none: Python stops cleaning, Node clears them away', async () => {
    const { rq, redis, python } = sides;
    const abandoned = await python.run<string>(`
import sharp
return sharp.abandon(queue('odd').enqueue('both.side')).id`);
    const members = ['a:b:c', ':', '', 'with space:x', `${'a'.repeat(300)}:x`, 'gone:e1', 'é'];
    for (const member of members) await redis.zadd('rq:wip:odd', 0, member);
    await redis.zadd('rq:wip:odd', 1, Buffer.from([0xff, 0x3a, 0xfe]));
    const flying = ['no-such-job', 'a:b', '', 'with space'];
    await redis.rpush('rq:queue:odd:intermediate', ...flying);
    await redis.rpush('rq:queue:odd', ...flying);

    const clean = "return len(queue('odd').started_job_registry)";
    await expect(python.run(clean)).rejects.toThrow(/ValueError|UnicodeDecodeError/);
    await sides.boot({ queues: ['odd'], ...inline, wire: { narrowLeaseMs: 400 } });
    expect(await rq.queue('odd').job(abandoned).result({ timeoutMs: 10_000 })).toBe('node');
    await until('all is cleared away', async () => {
      const places = ['rq:wip:odd', 'rq:queue:odd', 'rq:queue:odd:intermediate'];
      return (await redis.exists(...places)) === 0;
    });
    expect(await python.run(clean)).toBe(0);
  });
});
