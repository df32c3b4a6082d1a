import type { Redis, RedisOptions } from 'ioredis';
import { type ClusterNode, readNode } from './cluster-address.js';
import { DiscreetRedis } from './discreet-redis.js';
import { KnownNodes, type SlotRange } from './known-nodes.js';

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
export class SlotConnection extends DiscreetRedis {
  readonly space: string;
  /** What stands before every key. */
  readonly tag: string;
  // With #, because every command of Redis is a method of this class as well, `watch` among them.
  readonly #nodes: KnownNodes;
  readonly #repeats: boolean;
  readonly #known = new WeakSet<Command>();
  readonly #underway = new Set<Command>();
  /** Refused, or behind those that were, in their order. */
  #held: Command[] = [];
  /** Whether it is at the node of the slot, on its way there, or waits for answers before it leaves for there. */
  #phase: 'steady' | 'seeking' | 'leaving' = 'seeking';
  #isProbing = false;
  #isInMulti = false;
  #pauseMs = 0;
  #timer: NodeJS.Timeout | null = null;
  #releasedAtMs = 0;

  constructor(
    options: Omit<RedisOptions, 'replyMapping'>,
    { space, nodes, repeats }: SlotSettings,
  ) {
    const tag = `{${space}}:`;
    super({ ...options, ...nodes[0], keyPrefix: tag });
    this.space = space;
    this.tag = tag;
    this.#nodes = new KnownNodes(nodes);
    this.#repeats = repeats;
    const { retryStrategy } = this.options;
    this.options.retryStrategy = (tries) => {
      const isAsIntended = this.#phase === 'leaving';
      this.#phase = 'seeking';
      if (isAsIntended) return this.#pauseMs;
      // It broke by itself, or where we wanted to go nobody is.
      this.#dropHeld();
      this.#goTo(this.#another());
      return retryStrategy?.(tries) ?? null;
    };
    this.on('ready', () => void this.#seek());
    this.on('end', () => this.#dropHeld());
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
    // Who blocks has the id of a connection that is about to end.
    if (this.#phase === 'leaving' && !this.#repeats) command.reject(new Error(closed));
    else this.#held.push(command);
    if (this.options.commandTimeout) command.setTimeout(this.options.commandTimeout);
    return command.promise;
  }

  override disconnect(reconnect = false): void {
    this.#phase = 'seeking';
    this.#dropHeld();
    super.disconnect(reconnect);
  }

  // On the way to the node only ioredis may speak; what is sent behind something that is held waits its turn.
  #mayPass(command: Command): boolean {
    if (this.#isProbing || this.status === 'end') return true;
    if (this.#phase === 'steady') return this.#held.length === 0;
    return this.status === 'connect' && handshake.has(command.name);
  }

  // Also for what names no key, and is asked of this node all the same: its time, its keys.
  async #seek(): Promise<void> {
    this.#isInMulti = false;
    this.#isProbing = true;
    const probe = this.exists('');
    this.#isProbing = false;
    await probe.catch(() => undefined);
    if (this.#phase !== 'seeking' || this.status !== 'ready') return;
    this.#phase = 'steady';
    this.#release();
    void this.#learn();
  }

  #watch(command: Command): void {
    this.#known.add(command);
    const { reject, promise } = command;
    // Of a transaction the whole is refused, and repeated by nobody but its caller.
    const isRepeated = this.#repeats && !this.#isProbing && !this.#isOfTransaction(command);
    const over = (): void => {
      this.#underway.delete(command);
      this.#leave();
    };
    promise.then(over, over);
    command.reject = (error) => {
      this.#underway.delete(command);
      if (this.#isRefused(error) && isRepeated) this.#held.push(command);
      else reject.call(command, error);
      this.#leave();
    };
  }

  #isOfTransaction({ name, inTransaction }: Command): boolean {
    const word = name.toLowerCase();
    const isOfOne = this.#isInMulti || inTransaction;
    if (word === 'multi') this.#isInMulti = true;
    if (word === 'exec' || word === 'discard') this.#isInMulti = false;
    return isOfOne;
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
    if (this.#phase === 'leaving') return;
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
    this.#nodes.add({ host, port });
  }

  #another(): ClusterNode {
    const { host = '', port = 0 } = this.options;
    return this.#nodes.after({ host, port });
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
    this.#nodes.learn(ranges as SlotRange[], this.options.host);
  }
}
