import { setTimeout as delay } from 'node:timers/promises';
import type { Nemesis } from '../nemesis.js';
import type { World } from '../world.js';

const mode = async (world: World, next: World['network']['mode'], ms: number): Promise<void> => {
  world.network.mode = next;
  await delay(ms);
  world.network.mode = { kind: 'pass' };
};

export const ofNetwork: readonly Nemesis[] = [
  {
    name: 'cut the network',
    faults: 'F61',
    weight: 3,
    strike: async ({ network }) => network.cutAll(),
  },
  {
    name: 'lose replies',
    faults: 'F62, F63, F64',
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
    faults: 'F65, F66',
    weight: 2,
    strike: (world, dice) => mode(world, { kind: 'halfOpen' }, dice.between(500, 10_000)),
  },
  {
    name: 'drop replies',
    faults: 'F65',
    weight: 1,
    strike: (world, dice) => mode(world, { kind: 'drop' }, dice.between(300, 3_000)),
  },
  {
    name: 'slow the network',
    faults: 'F67',
    weight: 2,
    strike: (world, dice) => {
      const ms = dice.between(50, 600);
      const each = dice.fork();
      return mode(
        world,
        { kind: 'delay', ms: () => ms * each.roll() * 2 },
        dice.between(1_000, 5_000),
      );
    },
  },
  {
    name: 'let the network dribble',
    faults: 'F68',
    weight: 1,
    strike: (world, dice) =>
      mode(
        world,
        { kind: 'trickle', bytes: dice.between(1, 64), everyMs: 0 },
        dice.between(1_000, 4_000),
      ),
  },
  {
    name: 'close the network',
    faults: 'F69, F70',
    weight: 2,
    strike: async ({ network, scene }, dice) => {
      network.targetPort = 1;
      network.cutAll();
      await delay(dice.between(500, 5_000));
      network.targetPort = scene.server.port;
    },
  },
];
