import type { Redis } from 'ioredis';
import { keys } from '../keys.js';
import { sweepLimit } from '../rate-limits.js';
import { loadScript, runScript } from '../scripts.js';
import { freeMore, freeStuck } from '../transitions/free-dependents.js';
import type { WireSettings } from '../transitions/queue-keys.js';
import { recover, recoverIntermediate } from '../transitions/recover.js';
import { promote } from '../transitions/reschedule.js';
import { restore } from '../transitions/restore.js';
import { bytes } from './chunks.js';
import type { Suspicion } from './finding.js';
import { type Registry, registries } from './job-view.js';

const script = loadScript('../audit/mend');

/** Does what a finding proposes, if it still holds. Whether anything changed. */
export const mend = async (
  redis: Redis,
  finding: Suspicion,
  wire: WireSettings,
): Promise<boolean> => {
  if (!finding.mend) return false;
  const { verb, args } = finding.mend;
  const queue = finding.queue ?? '';
  const id = finding.id ?? '';
  const [first, second, third, fourth] = args.map(String) as [string, string, string, string];
  switch (verb) {
    case 'restore':
      return restore(redis, utf8(queue), id, wire);
    case 'free':
      return (await freeStuck(redis, utf8(queue), [bytes(id)], wire)) === 1;
    case 'unpark':
      return recoverIntermediate(redis, utf8(first), { id: bytes(id), enqueuedAt: '' }, wire);
    case 'recover': {
      const lease = { member: bytes(second), score: third, kind: fourth as 'worker' | 'job' };
      return (await recover(redis, utf8(first), [lease], wire))[0] !== 'skipped';
    }
    case 'promote':
      return ['moved', 'quarantined'].includes(await promote(redis, utf8(queue), id, wire));
    case 'unlease':
      return run(redis, verb, first, id, wire, [], [bytes(second)]);
    case 'unlistElsewhere':
      return run(redis, verb, queue, id, wire, [keys.queue(first), keys.wip(first)], []);
    case 'unregister':
      return run(redis, verb, second, id, wire, [keys[first as Registry](second)], [first]);
    case 'register':
      return run(redis, verb, queue, id, wire, [keys[first as Registry](queue)], [first]);
    case 'expire': {
      const kept = [keys[first as Registry](second), keys.results(id)];
      return run(redis, verb, second, id, wire, kept, [first]);
    }
    case 'expireKey':
    case 'trim':
    case 'unlistWorker':
      return run(redis, verb, queue, id, wire, [first], [bytes(second)]);
    case 'sweepLimit':
      return sweep(redis, utf8(first), wire);
    case 'nameLimit':
      return run(redis, verb, '', id, wire, [keys.rateLimits], [bytes(first)]);
    case 'unwait':
      return run(redis, verb, '', id, wire, [keys.rateLimited(first)], []);
    case 'awaitSlot': {
      const books = [keys.rateLimited(first), keys.rateLimits, keys.rateLimit(first)];
      const isBack = await run(redis, verb, queue, id, wire, books, [bytes(first)]);
      await sweepLimit(redis, utf8(first), wire);
      return isBack;
    }
    case 'nameGroup':
    case 'joinGroup':
      return run(redis, verb, '', id, wire, [keys.group(first), keys.groups], [bytes(first)]);
    case 'freeMore':
      await freeMore(redis, wire);
      return true;
    case 'countStarts':
      return run(redis, verb, queue, id, wire, [first, second], []);
    case 'dropMark':
      return run(redis, verb, '', id, wire, [first], [bytes(second), bytes(third)]);
    case 'nameQueue':
    case 'unnameQueue':
      return run(redis, verb, queue, id, wire, [keys.queues], [bytes(first)]);
    default:
      return run(
        redis,
        verb,
        queue,
        id,
        wire,
        registries.map((registry) => keys[registry](queue)),
        args,
      );
  }
};

/** Whether it gave a slot back, let somebody through, or forgot a limit that nobody uses. */
const sweep = async (redis: Redis, key: string, wire: WireSettings): Promise<boolean> => {
  const books = async (): Promise<string> => {
    const waiting = await redis.zcard(keys.rateLimited(key));
    return `${waiting} ${await redis.sismember(keys.rateLimits, key)}`;
  };
  const before = await books();
  return (await sweepLimit(redis, key, wire)) > 0 || (await books()) !== before;
};

// The transitions take names as text.
const utf8 = (latin1: string): string => bytes(latin1).toString('utf8');

const run = async (
  redis: Redis,
  verb: string,
  queue: string,
  id: string,
  wire: WireSettings,
  more: readonly string[],
  args: ReadonlyArray<string | number | Buffer>,
): Promise<boolean> => {
  const scriptKeys = [
    keys.job(id),
    keys.queue(queue),
    keys.intermediate(queue),
    keys.wip(queue),
    keys.failedQueue,
    keys.events(queue),
    ...more,
  ];
  const named = scriptKeys.map(bytes) as unknown as string[];
  const scriptArgs = [verb, bytes(id), wire.eventLogLength, ...args];
  return (await runScript(redis, script, named, scriptArgs)) === 1;
};
