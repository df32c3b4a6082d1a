export interface MailboxOptions {
  /** Messages that may wait. Mandatory: a mailbox without a bound is a leak with a delay. */
  capacity: number;
  /** `reject` refuses the newest (commands); `dropOldest` makes room for it (telemetry). */
  overflow: 'reject' | 'dropOldest';
}

const SMALLEST_RING = 16;

/** A bounded first-in-first-out queue: a ring that grows up to its capacity, and never shrinks. */
export class Mailbox<M> {
  private ring: (M | undefined)[] = new Array(SMALLEST_RING);
  private head = 0;
  private count = 0;

  constructor(
    readonly capacity: number,
    owner: string,
  ) {
    if (!Number.isInteger(capacity) || capacity < 1) {
      throw new RangeError(
        `Actor ${owner}: capacity must be a whole number above 0, not ${capacity}`,
      );
    }
  }

  get size(): number {
    return this.count;
  }

  /** False when full. */
  push(message: M): boolean {
    if (this.count === this.capacity) return false;
    if (this.count === this.ring.length) this.grow();
    this.ring[(this.head + this.count) & (this.ring.length - 1)] = message;
    this.count++;
    return true;
  }

  /** Only when `size` is not 0: `undefined` may be a message. */
  shift(): M {
    const message = this.ring[this.head] as M;
    this.ring[this.head] = undefined;
    this.head = (this.head + 1) & (this.ring.length - 1);
    this.count--;
    return message;
  }

  private grow(): void {
    const grown: (M | undefined)[] = new Array(this.ring.length * 2);
    for (let i = 0; i < this.count; i++) {
      grown[i] = this.ring[(this.head + i) & (this.ring.length - 1)];
    }
    this.ring = grown;
    this.head = 0;
  }
}
