import type { Redis } from 'ioredis';
import { keys, prefixes } from '../keys.js';
import type { AuditCode, Mend, Suspicion } from './finding.js';
import { pick, withoutEnd } from './pick.js';
import { members, type Survey, tolerate } from './survey.js';

/** RQ keeps ten; Redis trims whole nodes of a hundred. */
const mostResults = 200;
const workerTtlSeconds = 480;
const helperTtlSeconds = 3_600;
/** What cron knows of its entries: RQ's, a year. */
const cronTtlSeconds = 31_536_000;

/** Everything that is wrong beside the jobs: workers, names of queues, helper keys. Reads only. */
export const judgeHouse = async (
  redis: Redis,
  { names, places }: Survey,
  eventLogLength: number,
): Promise<Suspicion[]> => {
  const found: Suspicion[] = [];
  const report = (
    code: AuditCode,
    fact: string,
    remedy: string | null = null,
    mend: Mend | null = null,
    queue: string | null = null,
    id: string | null = null,
  ): void => {
    found.push({ code, id, queue, fact: `${code} ${fact}`, seen: fact, remedy, mend });
  };

  // Executions that hold something are their worker's; the others must go by themselves.
  const held = new Set<string>();
  for (const [id, { leases }] of places)
    for (const { execution } of leases) held.add(`${id}:${execution}`).add(id);
  const loose = [...names.executions].filter(
    (name) => !held.has(name.slice(name.indexOf(':', 3) + 1)),
  );
  for (const name of await withoutEnd(redis, loose)) {
    const id = name.slice(name.indexOf(':', 3) + 1).split(':', 1)[0] as string;
    report(
      'A14',
      `${name} never expires, and holds nothing`,
      'made to expire',
      { verb: 'expireKey', args: [name, 60] },
      null,
      id,
    );
  }

  for (const name of await withoutEnd(redis, [...names.workers])) {
    report('A15', `${name} never expires`, 'made to expire', {
      verb: 'expireKey',
      args: [name, workerTtlSeconds],
    });
  }
  for (const set of [keys.workers, ...[...names.queues].map(keys.workersOf)]) {
    const listed = await tolerate(found, null, set, members(redis, set));
    const missing = await pick(redis, 'exists', listed, (exists) => exists === 0);
    for (const worker of missing)
      report('A15', `${set} lists ${worker}, which does not exist`, 'taken off the list', {
        verb: 'unlistWorker',
        args: [set, worker],
      });
  }

  const known = new Set(await tolerate(found, null, keys.queues, members(redis, keys.queues)));
  if (known.has(keys.failedQueue)) {
    report(
      'A16',
      `${keys.queues} names ${keys.failedQueue}, which is no queue to work on`,
      'taken out',
      { verb: 'unnameQueue', args: [keys.failedQueue] },
    );
  }
  const unknown = [...names.queues].map(keys.queue).filter((name) => !known.has(name));
  for (const list of await pick(redis, 'llen', unknown, (length) => Number(length) > 0)) {
    report(
      'A16',
      `${list} has jobs, and ${keys.queues} does not know it`,
      'made known',
      { verb: 'nameQueue', args: [list] },
      list.slice(prefixes.queue.length),
    );
  }

  for (const name of await withoutEnd(redis, [...names.helpers])) {
    report('A19', `${name} never expires`, 'made to expire', {
      verb: 'expireKey',
      args: [name, isOfCron(name) ? cronTtlSeconds : helperTtlSeconds],
    });
  }
  for (const name of names.strangers) report('A19', `${name} is a name that rxrq does not know`);
  const longest = Math.ceil(eventLogLength * 1.1) + mostResults;
  const logs = [...names.queues].map(keys.events);
  for (const log of await pick(redis, 'xlen', logs, (length) => Number(length) > longest)) {
    report(
      'A19',
      `${log} has more than ${longest} entries`,
      'trimmed',
      { verb: 'trim', args: [log, eventLogLength] },
      log.slice(prefixes.events.length),
    );
  }
  for (const results of await pick(
    redis,
    'xlen',
    [...names.results],
    (length) => Number(length) > mostResults,
  )) {
    report('A19', `${results} has more than ${mostResults} entries`, 'trimmed', {
      verb: 'trim',
      args: [results, 10],
    });
  }
  return found;
};

const isOfCron = (name: string): boolean =>
  name.startsWith(prefixes.cron) || name.startsWith(prefixes.cronHistory);
