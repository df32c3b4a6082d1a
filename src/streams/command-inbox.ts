import type { Redis } from 'ioredis';
import { closeConnection } from '../redis/connection.js';
import { failureKind } from '../redis/failure.js';
import { keys } from '../redis/keys.js';
import { tagOf } from '../redis/scan.js';
import { type WorkerAnswer, writeAnswer } from '../redis/worker-answer.js';
import {
  parseCommand,
  type ReceivedCommand,
  UnknownCommandError,
  type WorkerCommand,
} from '../redis/worker-command.js';

/** Commands that were heard are remembered, so that their copy in the mailbox is not obeyed again. */
const mostRemembered = 1_000;

export interface InboxEvents {
  /** Called once for each command, in order. What it answers goes back to a sender that waits for it. */
  onCommand(command: WorkerCommand): WorkerAnswer;
  onTrouble(error: unknown): void;
}

/**
 * Where a worker hears commands. Publish and subscribe forgets whoever is away for a moment, so the channel is
 * only the fast way: what our own senders want lies in a mailbox as well, which is looked into after each new
 * subscription and with each heartbeat. Owns a connection for the channel.
 */
export class CommandInbox {
  private readonly channel: string;
  private readonly heard = new Set<string>();
  private timer: NodeJS.Timeout | null = null;
  private isLooking = false;
  private wasOdd = false;
  private closed = false;

  constructor(
    private readonly redis: Redis,
    /** For nothing else; commands on it have a time limit, so that a dead network is noticed. */
    private readonly subscriber: Redis,
    private readonly worker: string,
    private readonly events: InboxEvents,
  ) {
    this.channel = tagOf(redis) + keys.commandsTo(worker);
  }

  /** Listens until `close`. Resolves with the first subscription, or at once when Redis is away just now. */
  async start(lookEveryMs: number): Promise<void> {
    const { subscriber } = this;
    subscriber.on('message', (_: string, text: string) => this.hear(text));
    subscriber.on('ready', () => void this.listen());
    this.timer = setInterval(() => {
      void this.look();
      // Nothing comes over a half-open connection, and nothing says so; an unanswered ping ends it.
      subscriber.ping().catch((error) => this.tell(error));
    }, lookEveryMs);
    await this.listen();
  }

  close(): void {
    this.closed = true;
    if (this.timer) clearInterval(this.timer);
    closeConnection(this.subscriber);
  }

  /** Obeys what lies in the mailbox. */
  async look(): Promise<void> {
    if (this.isLooking || this.closed) return;
    this.isLooking = true;
    const mailbox = keys.mailbox(this.worker);
    try {
      const texts = await this.redis.lrange(mailbox, 0, -1);
      for (const text of texts) this.hear(text);
      // Only now: what is taken off before it was obeyed could be lost. New ones come behind these.
      if (texts.length > 0) await this.redis.ltrim(mailbox, texts.length, -1);
    } catch (error) {
      this.tell(error);
    } finally {
      this.isLooking = false;
    }
  }

  private async listen(): Promise<void> {
    try {
      await this.subscriber.subscribe(this.channel);
      await this.look();
    } catch (error) {
      // The next `ready` subscribes again.
      this.tell(error);
    }
  }

  private hear(text: string): void {
    if (this.closed) return;
    const received = this.read(text);
    if (!received) return;
    const { id, command } = received;
    if (id !== null && this.isRepeated(id)) return;
    const answer = this.events.onCommand(command);
    if (id === null) return;
    writeAnswer(this.redis, id, answer).catch((error) => this.tell(error));
  }

  private read(text: string): ReceivedCommand | null {
    try {
      return parseCommand(text);
    } catch (error) {
      if (!(error instanceof UnknownCommandError)) throw error;
      // Told once: whoever sends such things sends many.
      if (!this.wasOdd) this.events.onTrouble(error);
      this.wasOdd = true;
      return null;
    }
  }

  private isRepeated(id: string): boolean {
    if (this.heard.has(id)) return true;
    this.heard.add(id);
    if (this.heard.size > mostRemembered)
      this.heard.delete(this.heard.values().next().value as string);
    return false;
  }

  private tell(error: unknown): void {
    if (!this.closed && failureKind(error) !== 'transient') this.events.onTrouble(error);
  }
}
