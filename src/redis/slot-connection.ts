import { Redis, type RedisOptions } from 'ioredis';
import { type ClusterNode, readNode } from './cluster-address.js';

type Command = Parameters<Redis['sendCommand']>[0];
type Stream = Parameters<Redis['sendCommand']>[1];

/** Between two tries of what is refused while the slot moves, in milliseconds. */
const shortestPauseMs = 20;
const longestPauseMs = 250;
const closed = 'Connection is closed.';
/** What ioredis sends by itself when it connects. */
const handshake = new Set(['auth', 'hello', 'select', 'client', 'readonly', 'info']);

export interface SlotSettings {
  space: string;
  /** To begin with. */
  nodes: readonly ClusterNode[];
  /**
   * Whether a command that its node refuses is sent again by itself. A call that blocks is not: whoever waits has its
   * own deadline, and asks again.
   */
  repeats: boolean;
}

/**
 * A connection to the one node of a Redis Cluster that has the slot of a space, wherever that goes. Every key that a command
 * names gets the space's hash tag before it.
 *
 * It begins with any node and follows MOVED. While the slot is on its way to another node, nothing may be run: a script
 * would find only some of its keys. Redis sees to that as long as one key is declared that never exists (`runScript` does),
 * and answers ASK or TRYAGAIN; both are waited out here, and ASK is never followed to where a part of the keys is.
 */
export class SlotConnection extends Redis {
  /** What stands before every key. */
  readonly tag: string;
  // With #, because every command of Redis is a method of this class as well, `watch` among them.
  readonly #nodes: ClusterNode[];
  readonly #repeats: boolean;
  readonly #known = new WeakSet<Command>();
  readonly #underway = new Set<Command>();
  /** Refused, or behind those that were, in their order. */
  #held: Command[] = [];
  #phase: 'steady' | 'leaving' | 'coming' = 'steady';
  #pauseMs = 0;
  #timer: NodeJS.Timeout | null = null;
  #releasedAtMs = 0;

  constructor(
    options: Omit<RedisOptions, 'replyMapping'>,
    { space, nodes, repeats }: SlotSettings,
  ) {
    const tag = `{${space}}:`;
    super({ ...options, ...nodes[0], keyPrefix: tag });
    this.tag = tag;
    this.#nodes = [...nodes];
    this.#repeats = repeats;
    const { retryStrategy } = this.options;
    this.options.retryStrategy = (tries) => {
      if (this.#phase === 'leaving') {
        this.#phase = 'coming';
        return this.#pauseMs;
      }
      // It broke by itself, or where we wanted to go nobody is.
      this.#phase = 'steady';
      this.#dropHeld();
      this.#goTo(this.#another());
      return retryStrategy?.(tries) ?? null;
    };
    this.on('ready', () => {
      this.#phase = 'steady';
      this.#release();
      void this.#learn();
    });
  }

  /** The node it is connected to, or is about to be. */
  get node(): string {
    return `${this.options.host}:${this.options.port}`;
  }

  override sendCommand(command: Command, stream?: Stream): unknown {
    if (!this.#known.has(command)) this.#watch(command);
    if (this.#mayPass(command)) {
      this.#underway.add(command);
      return super.sendCommand(command, stream);
    }
    if (this.#repeats) {
      if (this.options.commandTimeout) command.setTimeout(this.options.commandTimeout);
      this.#held.push(command);
    } else {
      command.reject(new Error(closed));
    }
    return command.promise;
  }

  override disconnect(reconnect = false): void {
    this.#phase = 'steady';
    this.#dropHeld();
    super.disconnect(reconnect);
  }

  // On the way to another node only ioredis may speak; what is sent behind something that is held waits its turn.
  #mayPass(command: Command): boolean {
    if (this.#phase === 'steady') return this.#held.length === 0;
    return this.status === 'connect' && handshake.has(command.name);
  }

  #watch(command: Command): void {
    this.#known.add(command);
    const { reject, promise } = command;
    const over = (): void => {
      this.#underway.delete(command);
      this.#leave();
    };
    promise.then(over, over);
    command.reject = (error) => {
      this.#underway.delete(command);
      // Of a transaction the whole is refused, and repeated by nobody but its caller.
      const isHeld = this.#isRefused(error) && this.#repeats && !command.inTransaction;
      if (isHeld) this.#held.push(command);
      else reject.call(command, error);
      this.#leave();
    };
  }

  /** Whether the command was not run because the slot is not here, or not whole; what is to be done then is begun. */
  #isRefused(error: Error): boolean {
    if (error.name !== 'ReplyError') return false;
    const [kind, , where = ''] = error.message.split(' ');
    if (kind === 'MOVED') {
      const node = readNode(where, this.options.host);
      if (node) this.#follow(node, 0);
    } else if (kind === 'CLUSTERDOWN') {
      // Perhaps only this node has lost the others.
      this.#follow(this.#another(), this.#nextPause());
    } else if (kind === 'ASK' || kind === 'TRYAGAIN') {
      if (this.#repeats) this.#timer ??= setTimeout(() => this.#release(), this.#nextPause());
    } else {
      return false;
    }
    return true;
  }

  #follow(node: ClusterNode, pauseMs: number): void {
    if (this.#phase !== 'steady') return;
    this.#goTo(node);
    this.#phase = 'leaving';
    this.#pauseMs = pauseMs;
  }

  // What was sent before is answered first: closing would leave open whether it was done.
  #leave(): void {
    if (this.#phase === 'leaving' && this.#underway.size === 0 && this.status === 'ready')
      super.disconnect(true);
  }

  #goTo({ host, port }: ClusterNode): void {
    this.options.host = host;
    this.options.port = port;
    if (!this.#nodes.some((node) => node.host === host && node.port === port))
      this.#nodes.push({ host, port });
  }

  #another(): ClusterNode {
    const { host, port } = this.options;
    const at = this.#nodes.findIndex((node) => node.host === host && node.port === port);
    return this.#nodes[(at + 1) % this.#nodes.length] as ClusterNode;
  }

  #nextPause(): number {
    const isAgain = performance.now() - this.#releasedAtMs < 2 * longestPauseMs;
    this.#pauseMs = isAgain
      ? Math.min(this.#pauseMs * 2, longestPauseMs) || shortestPauseMs
      : shortestPauseMs;
    return this.#pauseMs * (0.5 + Math.random() / 2);
  }

  #release(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    this.#releasedAtMs = performance.now();
    for (const command of this.#held.splice(0)) if (!command.isSettled) this.sendCommand(command);
  }

  #dropHeld(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    for (const command of this.#held.splice(0))
      if (!command.isSettled) command.reject(new Error(closed));
  }

  // So that the cluster is found again when all nodes that we were told of have been replaced. Who may not ask goes
  // on with those.
  async #learn(): Promise<void> {
    const ranges = await this.call('CLUSTER', 'SLOTS').catch(() => []);
    for (const [, , ...members] of ranges as Array<[number, number, ...Array<[string, number]>]>)
      for (const [name, port] of members) {
        const host = name || this.options.host;
        if (host && !this.#nodes.some((node) => node.host === host && node.port === port))
          this.#nodes.push({ host, port });
      }
  }
}
