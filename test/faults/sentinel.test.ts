import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import type { RedisServer } from '../../scripts/redis-server.mjs';
import { keys } from '../../src/redis/keys.js';
import { JobExpiredError } from '../../src/streams/errors.js';
import type { LogEvent } from '../../src/streams/log-page.js';
import { Sentinels } from '../support/sentinels.js';
import { NeverCameError, until } from '../support/until.js';
import { Flow } from './support/flow.js';
import { Scene } from './support/scene.js';
import type { Victim } from './support/victim.js';
import { isWhole, slow } from './support/whole.js';

// One fleet for all: each failover is another one for the same worker, producer and reader, none of which is started anew.
let watched: Sentinels;
let scene: Scene;
let victim: Victim;
const heard = new Set<string>();
const told: string[] = [];

beforeAll(async () => {
  watched = await Sentinels.start({ replicas: 1, sentinels: 3 });
  scene = Scene.at(watched.nodes[0] as RedisServer, watched.address, {
    narrowLeaseMs: 3_000,
    // What the next primary takes for running goes to nobody before.
    wideLeaseSeconds: 5,
    resultTtlSeconds: 3_600,
  });
  victim = await scene.worker({ isolation: 'inline', concurrency: 4 });
  const hear = (event: LogEvent): void => {
    if (event.kind === 'finished') heard.add(event.jobId);
  };
  scene.rq.queue('default').events$.subscribe(hear);
}, 60_000);
afterEach(() => {
  process.stderr.write(told.splice(0).join(''));
});
afterAll(async () => {
  await scene?.close();
  await watched?.stop();
}, 30_000);

/** False when it went to the old primary, which is one until the new one is announced, and was forgotten. */
const runOne = async (): Promise<boolean> => {
  const job = await scene.rq.queue('default').enqueue('handlers.note');
  try {
    await job.result({ timeoutMs: 20_000 });
    await until('its event is heard', () => heard.has(job.id), { deadlineMs: 5_000 });
    return true;
  } catch (error) {
    if (error instanceof JobExpiredError || error instanceof NeverCameError) return false;
    throw error;
  }
};

/** What became of the jobs of both producers, once all is quiet again. */
const failOver = async (
  what: string,
  happen: (primary: RedisServer) => Promise<void>,
  { isLeftToThem = false } = {},
) => {
  const before = await watched.primary();
  const careful = new Flow(scene.rq, 1);
  const careless = new Flow(scene.rq, 0);
  await until('jobs flow', () => careful.acknowledged.length >= 50);
  const beganMs = performance.now();
  const promoted = watched.promoted(before);
  await happen(before);
  const primary = await promoted;
  const promotedMs = performance.now();
  // It is found by the sentinels, its scripts are loaded, the waiting connections wait there, and its events are read.
  await until('a new job runs, and is heard of', runOne, { deadlineMs: 30_000 });
  const runsMs = performance.now();
  if (before.pid === undefined) await before.restart();
  before.thaw();
  for (const sentinel of watched.sentinels) sentinel.signal('SIGCONT');
  if (!isLeftToThem) {
    // Up again, and still a primary in its own eyes, which nobody may believe.
    const others = careless.acknowledged.length;
    await until('others go on', () => careless.acknowledged.length > others + 20);
    await watched.follow(before);
  }
  await watched.settled();
  const confirmedAlready = careful.acknowledged.length;
  await until('replicas confirm again', () => careful.acknowledged.length > confirmedAlready + 10);
  const ids = { careful: await careful.end(), careless: await careless.end() };
  await scene.drained(['default']);
  const redis = new Redis(primary.url);
  const lostOf = async (those: readonly string[]): Promise<number> => {
    const statuses = await Promise.all(those.map((id) => redis.hget(keys.job(id), 'status')));
    return statuses.filter((status) => status !== 'finished').length;
  };
  const lost = { careful: await lostOf(ids.careful), careless: await lostOf(ids.careless) };
  const scriptsMissed = /errorstat_NOSCRIPT:count=(\d+)/.exec(await redis.info('errorstats'))?.[1];
  redis.disconnect();
  told.push(
    `${what}: promoted after ${Math.round(promotedMs - beganMs)} ms, ` +
      `a new job had run, and was heard of, ${Math.round(runsMs - promotedMs)} ms later; ` +
      `with waitReplicas ${lost.careful} of ${ids.careful.length} lost (${careful.unconfirmed} asked for again), ` +
      `without ${lost.careless} of ${ids.careless.length}\n`,
  );
  return { lost, scriptsMissed: Number(scriptsMissed ?? 0), outcome: await scene.outcome([]) };
};

const isWell = async ({ lost, scriptsMissed, outcome }: Awaited<ReturnType<typeof failOver>>) => {
  expect(lost.careful).toBe(0);
  expect(outcome.twice).toBe(0);
  expect(scriptsMissed).toBeGreaterThan(0);
  expect(victim.isGone).toBe(false);
  expect(await scene.findings()).toEqual([]);
};

describe('sentinels', () => {
  it('F54: the primary is killed: another one takes over, and nothing that a replica confirmed is lost', async () => {
    await isWell(await failOver('killed', (primary) => primary.kill()));
  }, 60_000);

  slow(
    'F54: the primary is killed, again and again',
    async () => {
      for (let n = 0; n < 5; n++) {
        await isWell(await failOver('killed', (primary) => primary.kill()));
      }
    },
    300_000,
  );

  it('F53: they are told to fail over: the old primary follows the new one', async () => {
    await isWell(await failOver('told to', () => watched.failover()));
  }, 60_000);

  it('F54: the primary is frozen, with a sentinel, and wakes when another one has taken over', async () => {
    const freeze = async (primary: RedisServer): Promise<void> => {
      watched.sentinels[0]?.signal('SIGSTOP');
      primary.freeze();
    };
    await isWell(await failOver('frozen', freeze, { isLeftToThem: isWhole }));
  }, 60_000);
});
