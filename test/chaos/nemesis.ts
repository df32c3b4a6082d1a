import type { Dice } from './dice.js';
import type { World } from './world.js';

/** Something bad that ends: it resolves when the world is whole again, but for what has to mend itself. */
export interface Nemesis {
  readonly name: string;
  /** Rows of the fault matrix. */
  readonly faults: string;
  /** How often it comes in each round. */
  readonly weight: number;
  strike(world: World, dice: Dice): Promise<unknown>;
}

/** All of them, each as often as it weighs, in an order of chance; then all of them again. */
export const rounds = function* (
  nemeses: readonly Nemesis[],
  dice: Dice,
): Generator<Nemesis, never> {
  const deck = nemeses.flatMap((nemesis) => Array<Nemesis>(nemesis.weight).fill(nemesis));
  for (;;) yield* dice.shuffled(deck);
};
