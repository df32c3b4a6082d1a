import { keys, prefixes } from '../../src/redis/keys.js';
import type { Job } from '../../src/streams/job.js';
import { until } from '../support/until.js';
import { connectionsOf, mixed, queues, type World } from './world.js';

const all = [...queues, mixed];

/**
 * What is there for good, and bounded: the log of a queue, what names queues and workers, registries, whose entries
 * expire, and when the leases of workers ended, for a day.
 */
const stays = new Set([
  keys.queues,
  keys.workers,
  keys.failedQueue,
  ...all.flatMap((queue) => [
    keys.events(queue),
    keys.leases(queue),
    keys.workersOf(queue),
    keys.finished(queue),
    keys.failed(queue),
    keys.canceled(queue),
  ]),
]);

const leases = new Set(all.map(keys.leases));

/** Where nothing may be once all work is done. */
const empty = all.flatMap((queue) => [
  keys.queue(queue),
  keys.intermediate(queue),
  keys.wip(queue),
  keys.scheduled(queue),
  keys.deferred(queue),
]);

const namesIn = async ({ scene }: World): Promise<string[]> => {
  const names = new Set<string>();
  for await (const found of scene.rq.redis.scanStream({ count: 1_000 }))
    for (const name of found as string[]) names.add(name);
  return [...names].sort();
};

/** Keys that nothing accounts for once all work is done, and those that never go by themselves. */
export const strayKeys = async (world: World): Promise<string[]> => {
  const { redis } = world.scene.rq;
  const { acknowledged, mixed: ofBoth, uncertain } = world.producers;
  const ids = [...acknowledged.map(({ id }) => id), ...ofBoth, ...uncertain.keys()];
  const jobs = new Set(ids.map(keys.job));
  const wrong: string[] = [];
  for (const key of empty) if (await redis.exists(key)) wrong.push(`${key} is not empty`);
  for (const name of await namesIn(world)) {
    const isJob = /^rq:job:[^:]+$/.test(name);
    if (isJob && !jobs.has(name)) wrong.push(`${name} belongs to no job that was acknowledged`);
    if (stays.has(name) || empty.includes(name) || (await redis.ttl(name)) !== -1) continue;
    // RQ keeps canceled jobs until somebody deletes them.
    if (isJob && (await redis.hget(name, 'status')) === 'canceled') continue;
    const owner = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(name)?.[0] ?? '';
    const status = isJob ? null : await redis.hget(keys.job(owner), 'status');
    // Those of its failures RQ keeps for ever, while the job itself expires.
    if (name === keys.results(owner) && ofBoth.includes(owner) && status === 'failed') continue;
    wrong.push(`${name} stays for ever${status ? `, of a job that is ${status}` : ''}`);
  }
  return wrong;
};

/** Deletes all jobs; then nothing may be left but what was there before, and what goes by itself soon. */
export const keysAfterDeletion = async (world: World): Promise<string[]> => {
  const { near, scene } = world;
  const { acknowledged, mixed: ofBoth, uncertain } = world.producers;
  const jobs: Job[] = [
    ...[...uncertain].map(([id, queue]) => near.queue(queue).job(id)),
    ...acknowledged.map(({ id, queue }) => near.queue(queue).job(id)),
    ...ofBoth.map((id) => near.queue(mixed).job(id)),
  ];
  for (let from = 0; from < jobs.length; from += 500)
    await Promise.all(jobs.slice(from, from + 500).map((job) => job.delete()));
  const wrong: string[] = [];
  for (const name of await namesIn(world)) {
    if (name.startsWith(prefixes.job)) wrong.push(`${name} outlived its job`);
    const kind = stays.has(name) && !leases.has(name) && (await scene.rq.redis.type(name));
    if (kind === 'zset' && (await scene.rq.redis.zcard(name)) > 0)
      wrong.push(`${name} has entries`);
    if (name === keys.failedQueue) {
      const left = await scene.rq.redis.lrange(name, 0, -1);
      const mixed = left.filter((id) => ofBoth.includes(id)).length;
      wrong.push(`${name} has ${left.length} entries, ${mixed} of the queue of both`);
    }
  }
  return wrong;
};

/** Connections to Redis that are more than there were before there were workers. */
export const strayConnections = async (world: World): Promise<number> => {
  // A connection that fell silent lives as long as the network between.
  world.network.cutAll();
  await world.isCalm();
  const more = async (): Promise<number> =>
    (await connectionsOf(world.scene)) - world.firstConnections;
  await until('all connections are gone', async () => (await more()) <= 0, {
    deadlineMs: 15_000,
  }).catch(() => undefined);
  return Math.max(0, await more());
};
