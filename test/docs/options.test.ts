import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { planCron } from '../../src/actors/cron/cron-plan.js';
import { longestRequestMs } from '../../src/actors/webhook-sender.js';
import { planWorker, type WorkerPlan } from '../../src/actors/worker-options.js';
import {
  bootCron,
  bootScheduler,
  bootWorkerPool,
  defaultWireSettings,
  Rq,
  rqInPlace,
} from '../../src/index.js';
import { fieldsOf } from '../../src/redis/job-options.js';
import { planWire } from '../../src/redis/transitions/queue-keys.js';
import { encodeWebhooks } from '../../src/redis/webhooks.js';
import { deliveriesOf } from '../../src/streams/deliveries.js';

const page = (name: string): string =>
  readFileSync(new URL(`../../docs/${name}.md`, import.meta.url), 'utf8');

/** The rows of the table whose head begins so: the options in backquotes of the first cell, and the default. */
const tableOf = (name: string, head: string): Array<{ options: string[]; byDefault: string }> => {
  const after = page(name).split(`\n| ${head} | Default |`)[1] ?? '';
  const lines = after.split('\n').slice(2);
  return lines.slice(0, lines.indexOf('')).map((line) => {
    const [first = '', byDefault = ''] = line.slice(1, -1).split('|');
    const options = [...first.matchAll(/`(\w+)`/g)].map(([, option]) => option as string);
    return { options, byDefault: byDefault.trim() };
  });
};
const toldIn = (name: string, head: string): string[] =>
  tableOf(name, head).flatMap(({ options }) => options);

/** The options that there are, as whoever gives another one is told. */
const knownBy = async (make: (options: never) => unknown): Promise<string[]> => {
  try {
    await make({ noSuchOption: 1 } as never);
  } catch (error) {
    const list = /noSuchOption: it is none of (.+)$/.exec((error as Error).message)?.[1];
    if (list) return list.split(', ');
    throw error;
  }
  throw new Error('it took an option that is none');
};

const numberIn = (text: string): number | null =>
  text === 'no limit'
    ? Number.POSITIVE_INFINITY
    : /^[\d,]+$/.test(text)
      ? Number(text.replaceAll(',', ''))
      : null;

describe('the tables of options', () => {
  it.each([
    ['workers', '`bootWorker`', planWorker, ['handlers', 'container', 'handleSignals', 'on']],
    ['configuration', '`new Rq`', (options: never) => new Rq(options), []],
    ['configuration', '`wire`', planWire, []],
    ['scheduling', '`bootScheduler`', bootScheduler, []],
    ['cron', '`bootCron`', bootCron, []],
    ['jobs', '`rqInPlace`', rqInPlace, ['handlers', 'container', 'on']],
    ['jobs', '`webhooks`', (option: never) => encodeWebhooks([option]), []],
    [
      'pipelines',
      '`deliveries$`',
      (options: never) => deliveriesOf(null as never, [], null as never, options),
      [],
    ],
  ] as const)('%s.md, %s: are whole', async (name, head, make, more) => {
    const known = await knownBy(make as (options: never) => unknown);
    expect(toldIn(name, head).sort()).toEqual([...known, ...more].sort());
  });

  it('workers.md, `bootWorkerPool`: is whole, beside the options of a worker', async () => {
    const ofWorker = toldIn('workers', '`bootWorker`').filter((option) => option !== 'name');
    const told = new Set([...ofWorker, ...toldIn('workers', '`bootWorkerPool`')]);
    expect([...told].sort()).toEqual((await knownBy(bootWorkerPool)).sort());
  });

  it('say what is required, and where a limit lies', async () => {
    const required = tableOf('workers', '`bootWorkerPool`').filter(({ byDefault }) => !byDefault);
    expect(required.map(({ options }) => options)).toEqual([['workers']]);
    expect(page('workers')).toMatch(/^\| `workers` \|.*1 to 1,000: required \|$/m);
    const handlers = 'nowhere.js';
    for (const workers of [undefined, 0, 1_001] as number[])
      await expect(bootWorkerPool({ workers, handlers })).rejects.toThrow(/option workers: /);
    for (const mostDeaths of [0, 1_001])
      await expect(bootWorkerPool({ workers: 1, mostDeaths, handlers })).rejects.toThrow(
        /option mostDeaths: /,
      );
    const timeout = /^\| `timeout`, `timeoutSeconds` \| 10 s \| .*than (\d+) s/m.exec(page('jobs'));
    expect(Number(timeout?.[1]) * 1_000).toBe(longestRequestMs);
  });

  it('jobs.md: is whole', async () => {
    const told = [...toldIn('jobs', 'Option'), 'timeoutSeconds', 'ttlSeconds'];
    const known = await knownBy(fieldsOf);
    expect([...told, 'resultTtlSeconds', 'failureTtlSeconds'].sort()).toEqual([...known].sort());
    for (const option of known) expect(page('jobs')).toContain(`\`${option}\``);
  });

  it("cron.md: the row of an entry's options names those that each tick may have", async () => {
    const row = page('cron').split('\n| `options` | ')[1]?.split('\n')[0] ?? '';
    const told = [...row.matchAll(/`(\w+)`/g)].map(([, option]) => option as string);
    const known = await knownBy(fieldsOf);
    const refused = known.filter((option) => {
      try {
        planCron([{ task: 'a.b', cron: '@daily', options: { [option]: Symbol('any') } as never }]);
      } catch (error) {
        return (error as Error).message.includes(`options.${option}: each tick`);
      }
      return false;
    });
    expect(refused.length).toBeGreaterThan(5);
    // Of the two names of a duration the row has the short one.
    const allowed = known.filter(
      (option) =>
        !refused.includes(option) &&
        !(option.endsWith('Seconds') && known.includes(option.replace(/Seconds$/, ''))),
    );
    expect(told.sort()).toEqual(allowed.sort());
  });

  it('say the defaults of the code', () => {
    const plan = planWorker({});
    const numbers = tableOf('workers', '`bootWorker`').flatMap(({ options, byDefault }) => {
      const number = numberIn(byDefault);
      return number === null ? [] : [[options[0] as keyof WorkerPlan, number] as const];
    });
    expect(numbers.length).toBeGreaterThan(7);
    for (const [option, number] of numbers)
      expect([option, plan[option]]).toEqual([option, number]);
    const wire = tableOf('configuration', '`wire`').map(({ options, byDefault }) => [
      options[0],
      numberIn(byDefault),
    ]);
    expect(Object.fromEntries(wire)).toEqual(defaultWireSettings);
  });
});
