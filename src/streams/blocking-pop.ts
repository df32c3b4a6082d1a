import type { Redis } from 'ioredis';
import { failureKind, pauseMs } from '../redis/failure.js';
import { keys } from '../redis/keys.js';
import { BlockingCaller } from './blocking-caller.js';

/**
 * How long Redis may hold one pop, in seconds. A connection that died keeps its place in line for as long, and may
 * be handed one id, which a janitor then finds in flight.
 */
const blockSeconds = 20;

/**
 * The blocking pop of one queue, in its crash-safe form: an id is moved to the in-flight list, where it
 * is found again whatever happens to us. What it brings is only a hint; the claim decides. Owns a
 * connection of its own.
 */
export class BlockingPop {
  private wanted = false;
  private running = false;
  private tries = 0;
  private closed = false;
  private readonly caller: BlockingCaller;

  constructor(
    readonly queue: string,
    connection: Redis,
    private readonly onHint: (queue: string, id: Buffer) => void,
    private readonly onTrouble: (error: unknown) => void,
  ) {
    this.caller = new BlockingCaller(connection);
  }

  /** Starts waiting for an id, and goes on until one came or `release` is called. */
  want(): void {
    this.wanted = true;
    if (!this.running && !this.closed) {
      this.running = true;
      void this.loop();
    }
  }

  /** Stops waiting. The id of the connection to unblock, when a pop is under way. */
  release(): number | null {
    this.wanted = false;
    return this.caller.blockedId;
  }

  /** Whether a pop may still bring something. */
  get isBusy(): boolean {
    return this.running;
  }

  close(): void {
    this.closed = true;
    this.wanted = false;
    this.caller.close();
  }

  private async loop(): Promise<void> {
    while (this.wanted && !this.closed) {
      const id = await this.popOnce();
      if (id) {
        this.wanted = false;
        this.onHint(this.queue, id);
      }
    }
    this.running = false;
    // `want` may have been called between the last look and here.
    if (this.wanted && !this.closed) this.want();
  }

  private async popOnce(): Promise<Buffer | null> {
    const { queue } = this;
    try {
      const id = (await this.caller.call(blockSeconds * 1_000, [
        'BLMOVE',
        keys.queue(queue),
        keys.intermediate(queue),
        'LEFT',
        'RIGHT',
        blockSeconds,
      ])) as Buffer | null;
      this.tries = 0;
      return id;
    } catch (error) {
      if (this.closed) return null;
      this.tries += 1;
      const kind = failureKind(error);
      if (kind !== 'transient') this.onTrouble(error);
      // The pause is long where an operator has to help; over maxmemory the claim still works.
      await new Promise((resolve) =>
        setTimeout(resolve, kind === 'transient' ? pauseMs(this.tries) : 2_000),
      );
      return null;
    }
  }
}
