import { keys } from '../../src/redis/keys.js';
import { cancel } from '../../src/redis/transitions/cancel.js';
import {
  type OverdueLease,
  recover,
  recoverIntermediate,
  suspectsIn,
} from '../../src/redis/transitions/recover.js';
import { requeue, requeueFrom } from '../../src/redis/transitions/requeue.js';
import type { Action } from './action.js';
import type { Hand } from './hand.js';
import type { View } from './lane.js';
import { type Enqueueing, queue, type Sighting, type World } from './world.js';

/** What producers and operators may do next. */
export const operatorActions = function* (world: World): Generator<Action> {
  const { enqueueing, story } = world;
  const ids = Object.keys(enqueueing);
  const first = ids.find((id) => enqueueing[id] === 'no');
  if (first !== undefined) {
    yield enqueued(world, first, 'acknowledged', `${first} is enqueued`);
    yield enqueued(world, first, 'unanswered', `${first} is enqueued; the reply is lost`);
  }
  for (const id of ids) {
    if (enqueueing[id] === 'unanswered')
      yield enqueued(world, id, 'acknowledged', `${id} is enqueued again`);
    const status = story.path.statusOf(id);
    if (status === 'queued' || status === 'started')
      yield {
        label: `${id} is canceled`,
        spends: ['cancels'],
        apply: async ({ redis, lane }) => ({
          change: {},
          note: `it was ${await cancel(redis, queue, id, lane.settings)}`,
        }),
      };
    if (status === 'failed')
      yield {
        label: `${id} is requeued`,
        spends: ['requeues'],
        apply: async ({ redis, lane }) => ({
          change: {},
          note: String(await requeue(redis, [id], false, lane.settings)),
        }),
      };
    if (status === 'canceled')
      yield {
        label: `${id} is requeued out of the canceled ones`,
        spends: ['requeues'],
        apply: async ({ redis, lane }) => ({
          change: {},
          note: await requeueFrom(redis, 'canceled', queue, id, false, lane.settings),
        }),
      };
  }
};

const enqueued = (world: World, id: string, to: Enqueueing, label: string): Action => ({
  label,
  spends: to === 'unanswered' ? ['faults'] : [],
  apply: async (hand) => {
    const verdict = await hand.enqueue(id);
    const expected = world.enqueueing[id] === 'no' ? 'written' : 'same';
    if (verdict !== expected) throw new Error(`${label}: ${verdict}, not ${expected}`);
    return { change: { enqueueing: { ...world.enqueueing, [id]: to } } };
  },
});

/** A janitor looks, looks again, and recovers what it saw unchanged; anything may happen in between. */
export const janitorActions = function* (
  { janitor: { seen, condemned }, workers }: World,
  view: View,
): Generator<Action> {
  const alive = workers.filter(({ isOverdue }) => !isOverdue);
  const hasOverdue = [...view.pairs(keys.wip(queue)).keys()].some(
    (member) => !alive.some(({ tag }) => member.includes(tag)),
  );
  if (condemned) yield recovery(condemned);
  else if (seen || hasOverdue || view.items(keys.intermediate(queue)).length > 0) yield look(seen);
};

const look = (before: Sighting | null): Action => ({
  label: before ? 'a janitor looks again' : 'a janitor looks',
  spends: [],
  apply: async (hand) => {
    const now = await sight(hand);
    if (!before) return { change: { janitor: { seen: now, condemned: null } } };
    const over: Sighting = {
      leases: now?.leases.filter((lease) => before.leases.some((one) => isSame(one, lease))) ?? [],
      inFlight: now?.inFlight.filter((id) => before.inFlight.includes(id)) ?? [],
    };
    if (over.leases.length + over.inFlight.length === 0)
      return { change: { janitor: { seen: now, condemned: null } } };
    const note = [...over.leases.map(({ member }) => String(member)), ...over.inFlight].join(', ');
    return { change: { janitor: { seen: null, condemned: over } }, note: `unchanged: ${note}` };
  },
});

const sight = async ({ redis }: Hand): Promise<Sighting | null> => {
  const [suspects] = await suspectsIn(redis, [queue]);
  if (!suspects || suspects instanceof Error) throw suspects ?? new Error('no look');
  const inFlight = suspects.inFlight.map(({ id }) => String(id));
  const { overdue } = suspects;
  return overdue.length + inFlight.length > 0 ? { leases: overdue, inFlight } : null;
};

const isSame = (one: OverdueLease, other: OverdueLease): boolean =>
  one.kind === other.kind && one.score === other.score && one.member.equals(other.member);

const recovery = ({ leases, inFlight }: Sighting): Action => ({
  label: 'the janitor recovers',
  spends: [],
  apply: async ({ redis, lane }) => {
    const verdicts: string[] =
      leases.length > 0 ? await recover(redis, queue, leases, lane.settings) : [];
    for (const id of inFlight) {
      // Without the look at when it was enqueued: what moves more must hold as well.
      const stay = { id: Buffer.from(id), enqueuedAt: '' };
      const isBack = await recoverIntermediate(redis, queue, stay, lane.settings);
      // As if the time had passed in which nobody brings it back once more.
      await redis.del(keys.broughtBack(queue, id));
      verdicts.push(isBack ? `${id} is back` : `${id} is left`);
    }
    return { change: { janitor: { seen: null, condemned: null } }, note: verdicts.join(', ') };
  },
});

/** What nobody does who keeps to the transitions: for the test that the explorer sees it. */
export const sabotage = function* ({ story }: World): Generator<Action> {
  for (const id of ['a', 'b'])
    if (story.path.statusOf(id) === 'queued')
      yield {
        label: `somebody takes ${id} out of the queue`,
        spends: ['sabotages'],
        apply: async ({ redis }) => {
          await redis.lrem(keys.queue(queue), 0, id);
          return { change: {} };
        },
      };
};
