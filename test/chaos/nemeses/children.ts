import { setTimeout as delay } from 'node:timers/promises';
import type { Dice } from '../dice.js';
import type { Nemesis } from '../nemesis.js';
import { childrenOf, signal } from '../processes.js';
import type { World } from '../world.js';

const childOfSomebody = (world: World, dice: Dice): number | undefined => {
  const children = world.workers.flatMap(({ pid }) => childrenOf(pid));
  return children.length > 0 ? dice.pick(children) : undefined;
};

export const ofChildren: readonly Nemesis[] = [
  {
    name: 'kill a child',
    faults: 'F21',
    weight: 5,
    strike: async (world, dice) => signal(childOfSomebody(world, dice), 'SIGKILL'),
  },
  {
    name: 'freeze a child',
    faults: 'F22',
    weight: 2,
    strike: async (world, dice) => {
      const child = childOfSomebody(world, dice);
      signal(child, 'SIGSTOP');
      await delay(dice.between(300, 3_000));
      signal(child, 'SIGCONT');
    },
  },
];
