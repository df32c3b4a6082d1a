import { keys, prefixes } from '../../src/redis/keys.js';
import type { View } from './lane.js';
import { type Exchange, type Held, queue, type World } from './world.js';

/** What no step ever asks for: texts and times. */
const mute = new Set([
  'data',
  'description',
  'origin',
  'created_at',
  'enqueued_at',
  'started_at',
  'ended_at',
  'last_heartbeat',
  'worker_name',
  'result',
  'exc_info',
]);

/**
 * The state in a canonical form: two states of one text go on alike. Left out is what nobody asks for any more, as the
 * stored replies of calls that nobody repeats. Times are before or after now. Request numbers and lives are ranks, and of
 * two workers it does not matter which is which.
 */
export const digestOf = (world: World, view: View): string => {
  const lines = [...redisLines(world, view), ...knowledgeLines(world)];
  // How an execution ended matters while somebody may still speak of it.
  const spoken = lines.map(({ words }) => words.join(' ')).join(' ');
  const ended = [...world.story.ended].filter(([execution]) => spoken.includes(execution));
  lines.push({ words: ['ended', ...ended.map(String)], isList: false });
  const texts = orders(world.workers.length).map((order) => canonical(lines, order));
  return texts.sort()[0] as string;
};

/** A line is words whose order means nothing, but for those of a list. */
type Line = { readonly words: readonly string[]; readonly isList: boolean };

const redisLines = function* ({ workers, network }: World, view: View): Generator<Line> {
  const asked = new Set(
    [...workers.flatMap(({ unanswered }) => unanswered ?? []), ...network].map(({ worker }) =>
      keys.reply(worker, 0),
    ),
  );
  const wip = [...view.pairs(keys.wip(queue)).keys()].join();
  const isRemembered = (tag: string): boolean =>
    workers.some((worker) => worker.tag === tag) ||
    network.some((exchange) => exchange.tag === tag) ||
    wip.includes(tag);
  for (const [key, content] of view.keys) {
    if (key.startsWith(prefixes.worker) || key.startsWith(keys.workers)) continue;
    if (key.startsWith('rxrq:reply:') && !asked.has(key)) continue;
    const head = `${key}${view.expiring.has(key) ? ' expires' : ''}`;
    if (content.kind === 'string') yield { words: [head, content.text], isList: true };
    else if (content.kind === 'list') yield { words: [head, ...content.items], isList: true };
    else if (content.kind === 'set') yield { words: [head, ...content.items], isList: false };
    else if (content.kind === 'hash') {
      const told = [...content.pairs].filter(([field]) => !mute.has(field));
      yield { words: [head, ...told.map((pair) => pair.join('='))], isList: false };
    } else if (key === keys.leases(queue)) {
      // Of the long dead, who left nothing, nobody asks.
      const leases = [...view.pairs(key)].filter(([tag]) => isRemembered(tag));
      const words = leases.map(([tag, score]) => `${tag}=${timeText(score)}`);
      yield { words: [head, ...words], isList: false };
    } else if (content.kind === 'zset')
      yield { words: [head, ...view.pairs(key).keys()], isList: false };
  }
};

// A lease that is over has a small score of the model's making; others end in the future.
const timeText = (score: string): string => (score.length > 6 ? 'ahead' : score);

const knowledgeLines = function* (world: World): Generator<Line> {
  const { enqueueing, workers, network, janitor, left, story } = world;
  const line = (name: string, words: Iterable<string>, isList = false): Line => ({
    words: [name, ...words],
    isList,
  });
  for (const { name, held, hint, unanswered, isOverdue } of workers) {
    const asks = unanswered ? exchangeText(unanswered) : '';
    yield line(`${name} ${hint} ${isOverdue} ${asks}`, held.map(heldText));
  }
  yield line('network', network.map(exchangeText));
  for (const name of ['seen', 'condemned'] as const) {
    const sighting = janitor[name];
    yield line(name, [
      ...(sighting?.leases ?? []).map(({ member, score, kind }) => `${member}=${score} ${kind}`),
      ...(sighting?.inFlight ?? []),
    ]);
  }
  yield line(JSON.stringify([enqueueing, left]), []);
  yield line('open', [...story.open].map(String));
  yield line('attempts', [...story.attempts].map(String));
  yield line('fences', story.fences.keys());
  yield line('requeued', story.requeued);
};

const heldText = ({ job, hasBegun, isBeginTold, isBeaten }: Held): string =>
  `${job.jobId}:${job.execution} ${job.started} ${job.attempt} ${hasBegun} ${isBeginTold} ${isBeaten}`;

const exchangeText = (exchange: Exchange): string => {
  const { requestId, settles, begins, hint, toStart, toHold } = exchange;
  const end = settles && `${heldText(settles.held)} ${settles.end}`;
  return `${requestId} ${end} ${begins && heldText(begins)} ${hint} ${toStart} ${toHold}`;
};

/** Ways to give the places of workers other numbers. */
const orders = (count: number): number[][] =>
  count === 1
    ? [[0]]
    : orders(count - 1).flatMap((order) =>
        Array.from({ length: count }, (_, at) => [
          ...order.slice(0, at),
          count - 1,
          ...order.slice(at),
        ]),
      );

const request = /a{8}(\d)([0-9a-f]{3})([0-9a-f]{12})?/g;
const workerName = /\bw(\d)(?:-(\d+))?\b/g;

const canonical = (lines: readonly Line[], order: readonly number[]): string => {
  const whole = lines.map(({ words }) => words.join(' ')).join('\n');
  // Only the order of lives in a place, and of requests in a life, matters: new ones come last.
  const rankOf = ranks([
    ...Array.from(whole.matchAll(request), ([, slot, life]) => `${slot}.${life}`),
    ...Array.from(
      whole.matchAll(workerName),
      ([, slot, life]) => `${Number(slot) - 1}.${lifeOf(life)}`,
    ),
  ]);
  const callOf = ranks(
    Array.from(whole.matchAll(request), ([, slot, life, call]) => `${slot}.${life}.${call ?? ''}`),
  );
  const placeOf = (slot: number): number => order[slot] as number;
  const renamed = (text: string): string =>
    text
      .replace(workerName, (_, slot: string, life?: string) => {
        const at = Number(slot) - 1;
        return `worker ${placeOf(at)}.${rankOf(`${at}.${lifeOf(life)}`)}`;
      })
      .replace(request, (_, slot: string, life: string, call?: string) => {
        const rank = call ? `.${callOf(`${slot}.${life}.${call}`)}` : '';
        return `tag ${placeOf(Number(slot))}.${rankOf(`${slot}.${life}`)}${rank}.`;
      });
  return lines
    .map(({ words: [head = '', ...words], isList }) => {
      const own = words.map(renamed);
      return [renamed(head), ...(isList ? own : own.sort())].join(' ');
    })
    .sort()
    .join('\n');
};

const lifeOf = (life: string | undefined): string =>
  (Number(life ?? 1) - 1).toString(16).padStart(3, '0');

/** The place of each name among those of the same beginning. */
const ranks = (names: readonly string[]): ((name: string) => number) => {
  const rankOf = new Map<string, number>();
  const counts = new Map<string, number>();
  for (const name of [...new Set(names)].sort()) {
    const group = name.slice(0, name.lastIndexOf('.'));
    const rank = counts.get(group) ?? 0;
    counts.set(group, rank + 1);
    rankOf.set(name, rank);
  }
  return (name) => rankOf.get(name) ?? -1;
};
