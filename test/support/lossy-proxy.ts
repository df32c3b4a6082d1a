import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';

/** What the network does. Where only replies are lost, the request was executed. */
export type ProxyMode =
  | { kind: 'pass' }
  /** Where `when` says so, the reply is thrown away and the connection is cut. */
  | { kind: 'cut'; when: () => boolean }
  /**
   * The reply to a request that holds `matching` is lost, so many times (once when nothing is said): the connection is
   * cut, or with `silently` never answers again.
   */
  | { kind: 'lose'; matching: string; times?: number; silently?: boolean }
  /**
   * Replies are thrown away, connections stay open: half of a half-open network. A connection that lost a reply never
   * answers again, since TCP has no holes.
   */
  | { kind: 'drop' }
  /**
   * Silent both ways: nothing passes, and no end hears that the other is gone. Redis keeps the ghosts of connections
   * that lived through it.
   */
  | { kind: 'halfOpen' }
  | { kind: 'delay'; ms: number | (() => number) }
  /** Replies come in pieces of so many bytes, one each `everyMs`, 0 being each turn of the loop. */
  | { kind: 'trickle'; bytes: number; everyMs: number };

interface Pair {
  readonly client: Socket;
  readonly upstream: Socket;
  /** Lost a byte: never passes another one. */
  isDeaf: boolean;
  /** The reply under way is to be lost. */
  isDoomed: boolean;
  /** Replies that take their time, in order. */
  slow: Promise<void>;
  slowBytes: number;
}

/** A TCP proxy before a Redis, to lose replies in. */
export class LossyProxy {
  mode: ProxyMode = { kind: 'pass' };
  /** How many connections were cut, or fell silent, because of a reply that was to be lost. */
  cuts = 0;
  private readonly pairs = new Set<Pair>();

  private constructor(
    private readonly server: Server,
    /** Where new connections go. */
    public targetPort: number,
  ) {}

  static async start(targetPort: number): Promise<LossyProxy> {
    const server = createServer({ noDelay: true });
    const proxy = new LossyProxy(server, targetPort);
    server.on('connection', (client) => proxy.join(client));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.server.address() as { port: number }).port}`;
  }

  /** Connections through which something may still pass. */
  get open(): number {
    return [...this.pairs].filter(({ isDeaf }) => !isDeaf).length;
  }

  /** Cuts every connection that is open, with a reset. */
  cutAll(): void {
    for (const pair of this.pairs) this.cut(pair);
  }

  async stop(): Promise<void> {
    this.cutAll();
    this.server.close();
    await once(this.server, 'close');
  }

  private cut({ client, upstream }: Pair): void {
    for (const socket of [client, upstream]) {
      if (socket.connecting) socket.destroy();
      else socket.resetAndDestroy();
    }
  }

  private join(client: Socket): void {
    const upstream = connect({ port: this.targetPort, host: '127.0.0.1', noDelay: true });
    const calm = { isDeaf: false, isDoomed: false, slow: Promise.resolve(), slowBytes: 0 };
    const pair: Pair = { client, upstream, ...calm };
    this.pairs.add(pair);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      // A cut connection is the point of it; each end hears of the other's, unless the network is silent.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        if (!this.isSilent(pair)) other.destroy();
        if (client.destroyed && upstream.destroyed) this.pairs.delete(pair);
      });
    }
    client.on('data', (request) => this.ask(pair, request));
    upstream.on('data', (reply) => this.answer(pair, reply));
  }

  private isSilent(pair: Pair): boolean {
    if (this.mode.kind === 'halfOpen') pair.isDeaf = true;
    return pair.isDeaf;
  }

  private ask(pair: Pair, request: Buffer): void {
    const { mode } = this;
    if (this.isSilent(pair) && mode.kind !== 'drop') return;
    if (mode.kind === 'lose' && (mode.times ?? 1) > 0 && request.includes(mode.matching)) {
      mode.times = (mode.times ?? 1) - 1;
      pair.isDoomed = true;
    }
    pair.upstream.write(request);
  }

  private answer(pair: Pair, reply: Buffer): void {
    const { mode } = this;
    if (mode.kind === 'drop') pair.isDeaf = true;
    if (pair.isDoomed && mode.kind === 'lose' && mode.silently) {
      pair.isDeaf = true;
      this.cuts += 1;
    }
    if (this.isSilent(pair)) return;
    if (pair.isDoomed || (mode.kind === 'cut' && mode.when())) {
      this.cuts += 1;
      this.cut(pair);
    } else if (mode.kind === 'delay' || mode.kind === 'trickle' || pair.slowBytes > 0) {
      pair.slowBytes += reply.length;
      const dueMs = performance.now() + msOf(mode);
      pair.slow = pair.slow.then(() => this.bring(pair, mode, reply, dueMs));
    } else pair.client.write(reply);
  }

  private async bring(pair: Pair, mode: ProxyMode, reply: Buffer, dueMs: number): Promise<void> {
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) await delay(waitMs);
    const piece = mode.kind === 'trickle' ? mode.bytes : reply.length;
    for (let at = 0; at < reply.length && pair.client.writable; at += piece) {
      if (mode.kind === 'trickle') await (mode.everyMs > 0 ? delay(mode.everyMs) : turn());
      if (!this.isSilent(pair)) pair.client.write(reply.subarray(at, at + piece));
    }
    pair.slowBytes -= reply.length;
  }
}

const msOf = (mode: ProxyMode): number =>
  mode.kind !== 'delay' ? 0 : typeof mode.ms === 'number' ? mode.ms : mode.ms();
