import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** What happens to replies. Requests always go through: what is lost is lost after it was executed. */
export type ProxyMode =
  | { kind: 'pass' }
  /** Where `when` says so, the reply is thrown away and the connection is cut. */
  | { kind: 'cut'; when: () => boolean }
  /**
   * Replies are thrown away, connections stay open: a half-open network. A connection that lost a reply never
   * answers again, since TCP has no holes.
   */
  | { kind: 'drop' }
  | { kind: 'delay'; ms: number };

/** A TCP proxy before a Redis, to lose replies in. */
export class LossyProxy {
  mode: ProxyMode = { kind: 'pass' };
  /** How many connections were cut. */
  cuts = 0;
  private readonly sockets = new Set<Socket>();
  private readonly deaf = new WeakSet<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly targetPort: number,
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

  /** Cuts every connection that is open. */
  cutAll(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.cutAll();
    this.server.close();
    await once(this.server, 'close');
  }

  private join(client: Socket): void {
    const upstream = connect({ port: this.targetPort, host: '127.0.0.1', noDelay: true });
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.sockets.add(socket);
      // A cut connection is the point of it; each end hears of the other's.
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        this.sockets.delete(socket);
        other.destroy();
      });
    }
    client.on('data', (request) => upstream.write(request));
    upstream.on('data', (reply) => this.pass(reply, client));
  }

  private pass(reply: Buffer, client: Socket): void {
    const { mode } = this;
    if (mode.kind === 'drop') this.deaf.add(client);
    if (this.deaf.has(client)) return;
    if (mode.kind === 'delay') {
      setTimeout(() => client.writable && client.write(reply), mode.ms);
    } else if (mode.kind === 'cut' && mode.when()) {
      this.cuts += 1;
      client.destroy();
    } else {
      client.write(reply);
    }
  }
}
