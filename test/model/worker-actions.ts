import { keys } from '../../src/redis/keys.js';
import type { ClaimedJob } from '../../src/redis/transitions/settlement.js';
import type { Action, Effect, Heard } from './action.js';
import type { Hand } from './hand.js';
import { labelOf, requestsOf } from './requests.js';
import type { Budget, Scope } from './scope.js';
import { type Exchange, type Held, newWorker, queue, type Worker, type World } from './world.js';

/** Everything that one worker, and the network between it and Redis, may do next. */
export const workerActions = function* (
  world: World,
  worker: Worker,
  scope: Scope,
): Generator<Action> {
  if (worker.unanswered) yield* again(world, worker, worker.unanswered);
  else yield* afresh(world, worker, scope);
  if (worker.isOverdue || (scope.beats && worker.held.length > 0)) yield extension(world, worker);
  if (!worker.isOverdue) yield pause(world, worker);
  yield death(world, worker);
};

/** What the network held up arrives; nobody listens to the answer any more. */
export const arrivals = function* (world: World): Generator<Action> {
  for (const [at, exchange] of world.network.entries()) {
    yield {
      label: `what the network held up arrives: ${labelOf(exchange)}`,
      spends: [],
      apply: async (hand) => {
        const refused = await hand.send(exchange).then(() => '', refusal);
        return {
          change: { network: world.network.filter((_, other) => other !== at) },
          note: refused || 'it is executed',
        };
      },
    };
  }
};

const refusal = (error: unknown): string => {
  if (error instanceof Error && error.message.startsWith('RXRQSTALE')) return 'it is too old';
  throw error;
};

const afresh = function* (world: World, worker: Worker, scope: Scope): Generator<Action> {
  for (const { exchange, spends } of requestsOf(worker, scope)) {
    const sender = { ...worker, hint: null, calls: worker.calls + 1 };
    yield* sending(world, sender, exchange, spends);
  }
  for (const held of worker.held) {
    if (held.hasBegun) continue;
    yield {
      label: `${worker.name} begins ${held.job.jobId}`,
      spends: [],
      apply: async () => ({
        change: {
          ...replaced(world, having(worker, held, { ...held, hasBegun: true })),
          story: world.story.begin(held.job),
        },
      }),
    };
  }
  if (scope.pops && worker.hint === null && worker.held.length < scope.capacity)
    yield* pops(world, worker);
};

const sending = function* (
  world: World,
  sender: Worker,
  exchange: Exchange,
  spends: ReadonlyArray<keyof Budget>,
): Generator<Action> {
  const label = labelOf(exchange);
  yield { label, spends, apply: (hand) => delivered(hand, world, sender, exchange) };
  const waiting = { ...sender, unanswered: exchange };
  yield {
    label: `${label}; the reply is lost`,
    spends: [...spends, 'faults'],
    apply: async (hand) => {
      await hand.send(exchange);
      return { change: replaced(world, waiting) };
    },
  };
  yield {
    label: `${label}; the network holds the call up`,
    spends: [...spends, 'faults'],
    apply: async () => ({
      change: { ...replaced(world, waiting), network: [...world.network, exchange] },
    }),
  };
};

const again = function* (world: World, worker: Worker, exchange: Exchange): Generator<Action> {
  yield {
    label: `${worker.name} asks again: ${labelOf(exchange)}`,
    spends: [],
    apply: (hand) => delivered(hand, world, worker, exchange, true),
  };
};

const delivered = async (
  hand: Hand,
  world: World,
  worker: Worker,
  exchange: Exchange,
  isAskedAgain = false,
): Promise<Effect> => {
  const reply = await hand.send(exchange, isAskedAgain);
  const settled = exchange.settles?.held ?? null;
  const told = exchange.begins?.job.execution;
  const kept = worker.held
    .filter(({ job }) => job.execution !== settled?.job.execution)
    .map((held) => (held.job.execution === told ? { ...held, isBeginTold: true } : held));
  const claimed = reply.claimed.map(heldOf);
  const heard: Heard = { execution: settled?.job.execution ?? null, reply };
  let { story } = world;
  for (const { job } of claimed.filter(({ hasBegun }) => hasBegun)) story = story.begin(job);
  return {
    change: {
      ...replaced(world, { ...worker, held: [...kept, ...claimed], unanswered: null }),
      story,
    },
    heard,
    note: [
      ...reply.verdicts,
      ...reply.claimed.map(({ jobId, attempt }) => `gets ${jobId}, attempt ${attempt}`),
    ].join(', '),
  };
};

const heldOf = (job: ClaimedJob): Held => ({
  job,
  hasBegun: job.started,
  isBeginTold: job.started,
  isBeaten: false,
});

const pops = function* (world: World, worker: Worker): Generator<Action> {
  const move = async (hand: Hand): Promise<string | null> =>
    hand.redis.lmove(keys.queue(queue), keys.intermediate(queue), 'LEFT', 'RIGHT');
  yield {
    label: `${worker.name} waits by a blocking pop`,
    spends: [],
    apply: async (hand) => {
      const hint = await move(hand);
      return { change: replaced(world, { ...worker, hint }), note: `brings ${hint}` };
    },
  };
  yield {
    label: `${worker.name} waits by a blocking pop; the reply is lost`,
    spends: ['faults'],
    apply: async (hand) => {
      await move(hand);
      return { change: {} };
    },
  };
};

const extension = (world: World, worker: Worker): Action => ({
  label: `${worker.name} renews its leases`,
  spends: [],
  apply: async (hand) => {
    const verdicts = await hand.extend(worker);
    const held = worker.held.map((one) => ({ ...one, isBeaten: true }));
    return {
      change: replaced(world, { ...worker, held, isOverdue: false }),
      note: verdicts.join(', '),
    };
  },
});

const pause = (world: World, worker: Worker): Action => ({
  label: `${worker.name} sleeps for longer than its lease`,
  spends: ['faults'],
  apply: async (hand) => {
    await hand.expire(worker.tag, scoresSeen(world));
    return { change: replaced(world, { ...worker, isOverdue: true }) };
  },
});

const death = (world: World, worker: Worker): Action => {
  const life = world.dead.filter((tag) => Number(tag[8]) === worker.slot).length + 1;
  const successor = newWorker(worker.slot, life);
  return {
    label: `${worker.name} dies; ${successor.name} comes up, and the lease of the dead one runs out`,
    spends: ['faults'],
    apply: async (hand) => {
      await hand.expire(worker.tag, scoresSeen(world));
      await hand.bear(successor);
      return { change: { ...replaced(world, successor), dead: [...world.dead, worker.tag] } };
    },
  };
};

const scoresSeen = ({ janitor }: World): string[] =>
  [janitor.seen, janitor.condemned].flatMap((sighting) =>
    (sighting?.leases ?? []).map(({ score }) => score),
  );

const replaced = ({ workers }: World, worker: Worker): Pick<World, 'workers'> => ({
  workers: workers.map((other) => (other.slot === worker.slot ? worker : other)),
});

const having = (worker: Worker, before: Held, after: Held): Worker => ({
  ...worker,
  held: worker.held.map((held) => (held === before ? after : held)),
});
