import type { Redis } from 'ioredis';
import { closeConnection } from '../redis/connection.js';
import { giveUpConnection } from '../redis/failover-watch.js';

/** How much later than Redis promised to answer we stop believing in the connection, in milliseconds. */
const graceMs = 2_000;

/**
 * One blocking call at a time over a connection that serves nothing else. A frozen server or a half-open
 * network answers nothing and closes nothing: only our own monotonic deadline ends that, and it ends the
 * connection as well, because ioredis would swallow a late reply with the element in it.
 */
export class BlockingCaller {
  private clientId: number | null = null;
  private blocked = false;

  constructor(private readonly connection: Redis) {
    connection.on('close', () => {
      this.clientId = null;
    });
  }

  /** Calls, with replies as Buffers. @throws what the connection throws, at once when it breaks */
  async call(blockMs: number, command: ReadonlyArray<string | number>): Promise<unknown> {
    const { connection } = this;
    const [name, ...args] = command;
    const deadline = setTimeout(() => giveUpConnection(connection), blockMs + graceMs);
    try {
      // Asked for before the first block, since nothing is answered while one is under way.
      this.clientId ??= await connection.client('ID');
      this.blocked = true;
      return await connection.callBuffer(String(name), ...args);
    } finally {
      this.blocked = false;
      clearTimeout(deadline);
    }
  }

  /** The id to give to CLIENT UNBLOCK; `null` when no call is under way. */
  get blockedId(): number | null {
    return this.blocked ? this.clientId : null;
  }

  close(): void {
    closeConnection(this.connection);
  }
}
