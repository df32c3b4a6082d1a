/** Chance that comes again with the same seed (mulberry32). */
export class Dice {
  constructor(private state: number) {}

  /** From 0 up to, and without, 1. */
  roll(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  between(least: number, most: number): number {
    return Math.round(least + this.roll() * (most - least));
  }

  pick<T>(things: readonly T[]): T {
    return things[Math.floor(this.roll() * things.length)] as T;
  }

  /** In an order of chance. */
  shuffled<T>(things: readonly T[]): T[] {
    const left = [...things];
    return things.map(() => left.splice(Math.floor(this.roll() * left.length), 1)[0] as T);
  }

  /** Dice of their own: how often they are rolled does not change what these roll next. */
  fork(): Dice {
    return new Dice(this.between(0, 0x7fffffff));
  }
}
