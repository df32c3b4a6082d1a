import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { audit } from '../../../src/redis/audit/audit.js';
import { isWhole } from '../../faults/support/whole.js';
import { describeWithPython } from '../../support/python.js';
import { until } from '../../support/until.js';
import { ledger } from '../fixtures/deathjobs.js';
import { TwoSides } from '../two-sides.js';

/** What became of its jobs' runs is counted in Redis, by either side: see fixtures/deaths.py. Each has a queue of that name. */
const jobs = {
  succeed: { succeeds: true, retries: 0 },
  again: { succeeds: true, retries: 2 },
  fail: { succeeds: false, retries: 0 },
  retry: { succeeds: false, retries: 2 },
  /** A second before each retry. */
  pause: { succeeds: false, retries: 2 },
  /** With two dependents, of which one allows its failure. */
  parent: { succeeds: true, retries: 0 },
  parentFails: { succeeds: false, retries: 0 },
} as const;
type JobName = keyof typeof jobs;
const names = Object.keys(jobs) as JobName[];

/**
 * Who dies before its n-th request, each n with a job of its own: worker and horse at once, which is every step from the pop to
 * the end; the horse, and its worker sees it; the worker, when its horse has ended; the worker, while it sees to a job whose
 * horse died before it began. On one queue RQ pops into the in-flight list, on two it does not.
 */
const deadly = ['both', 'horse', 'worker', 'worker-too'] as const;
const isWorthTwoQueues = (who: string, name: JobName): boolean =>
  !name.startsWith('parent') &&
  (who === 'both' || who === 'horse' || (who === 'worker-too' && name === 'again'));
const isWorthTrying = (who: string, name: JobName): boolean =>
  who !== 'worker' || name === 'succeed' || name === 'retry';

interface Death {
  /** The job, and its dependents. */
  ids: [string, string?, string?];
  case: JobName;
  /** How many processes died by it. */
  deaths: number;
}

/** A job as Python reads it. */
interface Seen {
  status: string;
  words: string | null;
  /** Of RQ's retries. */
  left: number;
  /** How often its queue has its id. */
  listed: number;
  runs: string[];
}
type SeenById = Record<string, Seen>;

const hasEnded = ({ status }: Seen): boolean => status === 'finished' || status === 'failed';
const ofItself = /failed by itself/;
/** In these words RQ fails a job that died, or that lay in flight or abandoned when it cleaned. */
const ofRq = /Work-horse terminated unexpectedly|AbandonedJobError|stuck in intermediate queue/;
const quick = { intervalMs: 300, graceMs: 300, sweptWithinMs: 300 };

// A minute each.
const versions = isWhole ? (['2.12', '1.16'] as const) : (['2.12'] as const);

describeWithPython('Python RQ dies at every step', versions, (version) => {
  let sides: TwoSides;
  const all: Death[] = [];
  let asLeft: SeenById;
  let dump: Array<[Buffer, Buffer, number]>;

  beforeAll(async () => {
    sides = await TwoSides.meet(version);
    ledger.redis = sides.redis as never;
    for (const name of names)
      for (const who of deadly.filter((each) => isWorthTrying(each, name)))
        for (const width of isWorthTwoQueues(who, name) ? [1, 2] : [1])
          all.push(...(await die(name, who, width)));
    asLeft = await look();
    dump = await dumpAll();
  }, 180_000);
  beforeEach(async () => {
    await sides.redis.flushdb();
    const restore = sides.redis.pipeline();
    for (const [key, value, ttl] of dump) restore.restore(key, Math.max(0, ttl), value);
    await restore.exec();
    // As if all this had been longer ago than a lease lasts.
    await sides.redis.eval(
      `for _, name in ipairs(ARGV) do
        for _, member in ipairs(redis.call('ZRANGE', 'rq:wip:' .. name, 0, -1)) do
          redis.call('ZADD', 'rq:wip:' .. name, redis.call('TIME')[1] - 5, member)
        end
      end`,
      0,
      ...names,
    );
  });
  afterEach(() => sides.stopWorkers());
  afterAll(() => sides?.part());

  const die = (name: JobName, who: string, width: number) =>
    sides.python.run<Death[]>(
      `
import deaths
return deaths.all_deaths([queue(each) for each in (name, name + '-spare')[:width]], name, who)`,
      { name, who, width },
    );

  const look = () =>
    sides.python.run<SeenById>('import deaths\nreturn deaths.look(ids, fetch)', {
      ids: all.flatMap(({ ids }) => ids),
    });

  const dumpAll = async () => {
    const keys = await sides.redis.keysBuffer('*');
    const dumps = sides.redis.pipeline();
    for (const key of keys) dumps.callBuffer('DUMP', key).pttl(key);
    const replies = ((await dumps.exec()) ?? []).map(([, reply]) => reply);
    return keys.map((key, at): [Buffer, Buffer, number] => [
      key,
      replies[2 * at] as Buffer,
      replies[2 * at + 1] as number,
    ]);
  };

  const bootNode = () =>
    sides.boot({
      queues: names,
      isolation: 'inline',
      wire: { narrowLeaseMs: 400 },
      handlers: new URL('../fixtures/deathjobs.js', import.meta.url),
    });

  const places = {
    ofTheDead: ['queue:NAME:intermediate', 'wip:NAME'],
    ofAny: ['queue:NAME', 'queue:NAME:intermediate', 'wip:NAME', 'scheduled:NAME'],
  };
  const isEmpty = async (which: keyof typeof places) => {
    const keys = names.flatMap((name) =>
      places[which].map((place) => `rq:${place.replace('NAME', name)}`),
    );
    return (await sides.redis.exists(...keys)) === 0;
  };
  const rest = () => until('all is at rest', () => isEmpty('ofAny'));

  /** Brings all to rest, then what Python lost, which the audit puts back. Answers the ids of those. */
  const bringToEnd = async (toRest: () => Promise<unknown>) => {
    const { redis, rq } = sides;
    // The records of workers that were killed go by themselves.
    const isOfJobs = ({ code }: { code: string }) => code !== 'A15';
    await toRest();
    const lost = (await audit(redis, rq.wire, { ...quick, repair: true })).findings.filter(
      isOfJobs,
    );
    await toRest();
    expect((await audit(redis, rq.wire, quick)).findings.filter(isOfJobs)).toEqual([]);
    return lost.map(({ code, jobId, mended }) => `${code} ${jobId} ${mended}`).sort();
  };

  const complaintsOf = (death: Death, was: SeenById, is: SeenById, isRunByPython: boolean) => {
    const [id, strict, lenient] = death.ids;
    const { succeeds, retries } = jobs[death.case];
    const [before, after] = [was[id] as Seen, is[id] as Seen];
    const more = after.runs.length - before.runs.length;
    const words = after.words ?? '';
    const found: string[] = [];
    const demand = (holds: boolean, what: string) => {
      if (!holds)
        found.push(
          `${what}: ${JSON.stringify({ ...death, before, after, strict: is[strict ?? ''], lenient: is[lenient ?? ''] })}`,
        );
    };

    demand(hasEnded(after), 'it ends');
    if (hasEnded(before)) {
      demand(
        more === 0 && after.status === before.status && words === (before.words ?? ''),
        'its end is its end',
      );
      const isOfRq = before.status === 'failed' && ofRq.test(words);
      demand(
        isOfRq || (succeeds ? before.status === 'finished' : ofItself.test(words)),
        'for a reason',
      );
    } else {
      demand(after.status === (succeeds ? 'finished' : 'failed'), 'it ends by itself');
      demand(succeeds || ofItself.test(words), 'for its own reason');
      // A recovery takes one of the retries.
      const [least, most] = succeeds ? [1, 1] : [Math.max(1, before.left), before.left + 1];
      // A horse that is killed when it has put its job back: its worker does so again. Python runs what is twice on a queue twice (S19).
      const doubled = isRunByPython && id.includes('_horse_') ? Math.max(0, before.listed - 1) : 0;
      demand(more >= least && more <= most + doubled, 'it runs as often as it must');
      demand(
        after.runs.length <= 1 + retries + death.deaths,
        'and once more for each death at most',
      );
    }
    if (strict && lenient) {
      const [one, other] = [is[strict] as Seen, is[lenient] as Seen];
      const isFinished = after.status === 'finished';
      demand(
        one.status === (isFinished ? 'finished' : 'deferred'),
        'a dependent waits for success',
      );
      demand(one.runs.length === (isFinished ? 1 : 0), 'and runs once');
      demand(
        other.status === 'finished' && other.runs.length === 1,
        'one that allows failure runs once',
      );
      demand(
        [...one.runs, ...other.runs].every((run) => run.endsWith(` after ${after.status}`)),
        'after its parent',
      );
    }
    return found;
  };

  const complaints = async (was: SeenById, isRunByPython: boolean) => {
    const is = await look();
    return all.flatMap((death) => complaintsOf(death, was, is, isRunByPython));
  };

  it('Node brings all to its end', async () => {
    await bootNode();
    const lost = await bringToEnd(rest);
    expect(await complaints(asLeft, false)).toEqual([]);
    expect(lost.length).toBeGreaterThan(0);
    // S1: RQ 2 has no lease yet. That of RQ 1 begins with the horse.
    for (const each of lost) expect(each).toMatch(/^A1 \w+_(both|worker-too)_2_\d+ true$/);
  });

  it('the janitor of Node brings back, and Python runs it, which looks at no status', async () => {
    for (const name of names) await sides.rq.queue(name).pause();
    await bootNode();
    const burst = 'import deaths\ndeaths.work_all([queue(name) for name in names])';
    await bringToEnd(() =>
      until('all is at rest', async () => {
        await until('the janitor has seen to all', () => isEmpty('ofTheDead'));
        await sides.python.run(burst, { names });
        return isEmpty('ofAny');
      }),
    );
    expect(await complaints(asLeft, true)).toEqual([]);
    // What Python runs once more than it must, after its last death: RQ's own fault.
    const doubled = Object.entries(asLeft).filter(([, { listed }]) => listed > 1);
    expect(doubled.map(([id]) => id.replace(/\d+$/, 'n'))).toEqual([
      'retry_horse_1_n',
      'retry_horse_2_n',
    ]);
  });

  it('Node brings to its end what the cleaners of Python left', async () => {
    await sides.python.run(
      'Worker([queue(name) for name in names], connection=r, serializer=JSONSerializer).clean_registries()',
      { names },
    );
    const cleaned = await look();
    await bootNode();
    await bringToEnd(rest);
    expect(await complaints(cleaned, false)).toEqual([]);
  });
});
