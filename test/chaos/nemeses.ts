import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../support/until.js';
import type { Dice } from './dice.js';
import { childrenOf, type World } from './world.js';

/** Something bad that ends: it resolves when the world is whole again, but for what has to mend itself. */
export interface Nemesis {
  readonly name: string;
  readonly weight: number;
  strike(world: World, dice: Dice): Promise<void>;
}

const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
};

const childOfSomebody = (world: World, dice: Dice): number | undefined => {
  const children = world.workers.flatMap(({ pid }) => childrenOf(pid));
  return children.length > 0 ? dice.pick(children) : undefined;
};

const answers = (world: World) =>
  until('Redis answers', () => world.scene.rq.redis.ping().catch(() => false), {
    deadlineMs: 30_000,
  });

const restartRedis = async (world: World, how: NodeJS.Signals, downMs: number): Promise<void> => {
  await world.scene.server.kill(how);
  await delay(downMs);
  await world.scene.server.restart();
  await answers(world);
};

const mode = async (world: World, next: World['network']['mode'], ms: number): Promise<void> => {
  world.network.mode = next;
  await delay(ms);
  world.network.mode = { kind: 'pass' };
};

export const nemeses: readonly Nemesis[] = [
  {
    name: 'kill a worker',
    weight: 5,
    strike: async (world, dice) => {
      const worker = dice.pick(world.workers);
      await worker.kill();
      await world.replace(worker);
    },
  },
  {
    name: 'freeze a worker',
    weight: 4,
    strike: async (world, dice) => {
      const worker = dice.pick(world.workers);
      worker.signal('SIGSTOP');
      await delay(dice.between(500, 5_000));
      worker.signal('SIGCONT');
    },
  },
  {
    name: 'replace a worker',
    weight: 3,
    strike: async (world, dice) => {
      const worker = dice.pick(world.workers);
      worker.signal('SIGTERM');
      await worker.end(60_000);
      await world.replace(worker);
    },
  },
  {
    name: 'kill a child',
    weight: 5,
    strike: async (world, dice) => {
      const child = childOfSomebody(world, dice);
      if (child) signal(child, 'SIGKILL');
    },
  },
  {
    name: 'freeze a child',
    weight: 2,
    strike: async (world, dice) => {
      const child = childOfSomebody(world, dice);
      if (!child) return;
      signal(child, 'SIGSTOP');
      await delay(dice.between(300, 3_000));
      signal(child, 'SIGCONT');
    },
  },
  {
    name: 'kill Redis',
    weight: 3,
    strike: (world, dice) => restartRedis(world, 'SIGKILL', dice.between(0, 3_000)),
  },
  {
    name: 'restart Redis',
    weight: 1,
    strike: (world, dice) => restartRedis(world, 'SIGTERM', dice.between(0, 1_000)),
  },
  {
    name: 'freeze Redis',
    weight: 3,
    strike: async (world, dice) => {
      world.scene.server.freeze();
      await delay(dice.between(200, 4_000));
      world.scene.server.thaw();
      await answers(world);
    },
  },
  {
    name: 'kill all connections',
    weight: 4,
    strike: async (world, dice) => {
      for (let times = dice.between(1, 10); times > 0; times -= 1) {
        const { redis } = world.scene.rq;
        await redis
          .call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
          .catch(() => undefined);
        await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub').catch(() => undefined);
        await delay(dice.between(10, 200));
      }
    },
  },
  {
    name: 'forget all scripts',
    weight: 2,
    strike: async (world, dice) => {
      for (let times = dice.between(1, 20); times > 0; times -= 1) {
        await world.scene.rq.redis.script('FLUSH');
        await delay(dice.between(5, 50));
      }
    },
  },
  {
    name: 'fill the memory of Redis',
    weight: 2,
    strike: async (world, dice) => {
      const { redis } = world.scene.rq;
      await redis.config('SET', 'maxmemory', '1');
      await delay(dice.between(300, 2_500));
      await redis.config('SET', 'maxmemory', '0');
    },
  },
  {
    name: 'suspend all workers',
    weight: 1,
    strike: async (world, dice) => {
      await world.scene.rq.suspend();
      await delay(dice.between(300, 3_000));
      await world.scene.rq.resume();
    },
  },
  { name: 'cut the network', weight: 3, strike: async ({ network }) => network.cutAll() },
  {
    name: 'lose replies',
    weight: 4,
    strike: (world, dice) => {
      const of = dice.between(3, 12);
      let replies = 0;
      return mode(
        world,
        { kind: 'cut', when: () => ++replies % of === 0 },
        dice.between(500, 4_000),
      );
    },
  },
  {
    name: 'silence the network',
    weight: 2,
    strike: (world, dice) => mode(world, { kind: 'halfOpen' }, dice.between(500, 10_000)),
  },
  {
    name: 'slow the network',
    weight: 2,
    strike: (world, dice) => {
      const ms = dice.between(50, 600);
      return mode(
        world,
        { kind: 'delay', ms: () => ms * Math.random() * 2 },
        dice.between(1_000, 5_000),
      );
    },
  },
];

/** One of them, the likelier the more weight it has. */
export const draw = (dice: Dice): Nemesis => {
  const all = nemeses.reduce((sum, { weight }) => sum + weight, 0);
  let left = dice.roll() * all;
  for (const nemesis of nemeses) {
    left -= nemesis.weight;
    if (left < 0) return nemesis;
  }
  return nemeses[0] as Nemesis;
};
