import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RedisServer } from '../../../scripts/redis-server.mjs';
import { type AuditOptions, type AuditReport, audit } from '../../../src/redis/audit/audit.js';
import { keys } from '../../../src/redis/keys.js';
import { type LifecycleEvent, unfoldEntry } from '../../../src/redis/lifecycle-event.js';
import type { WireSettings } from '../../../src/redis/transitions/queue-keys.js';
import { Rq } from '../../../src/streams/rq.js';
import { startPrivateRedis } from '../../support/redis.js';
import { until } from '../../support/until.js';
import { Victim, type VictimOptions } from './victim.js';

/** What a handler wrote when it began, and when it ended. */
export interface LedgerLine {
  id: string;
  attempt: number;
  execution: string;
  pid: number;
  phase: 'begin' | 'end';
}

/** A Redis, a producer, a ledger, and workers that are made to suffer. */
export class Scene {
  private readonly victims: Victim[] = [];

  private constructor(
    readonly server: RedisServer,
    readonly rq: Rq,
    readonly wire: Partial<WireSettings>,
    private readonly directory: string,
  ) {
    writeFileSync(this.ledgerPath, '');
  }

  static async open(wire: Partial<WireSettings>, args: readonly string[] = []): Promise<Scene> {
    const server = await startPrivateRedis({ args });
    const rq = new Rq({ url: server.url, wire, enqueueDeadlineMs: 60_000 });
    return new Scene(server, rq, wire, mkdtempSync(join(tmpdir(), 'rxrq-faults-')));
  }

  get ledgerPath(): string {
    return join(this.directory, 'ledger');
  }

  victim(options: Partial<VictimOptions> = {}): Victim {
    const { wire } = this;
    const victim = new Victim({ url: this.server.url, wire, ledger: this.ledgerPath, ...options });
    this.victims.push(victim);
    return victim;
  }

  /** A worker that is up. */
  async worker(options: Partial<VictimOptions> = {}): Promise<Victim> {
    const victim = this.victim(options);
    await victim.said('ready');
    return victim;
  }

  ledger(): LedgerLine[] {
    return (
      readFileSync(this.ledgerPath, 'utf8')
        .split('\n')
        // A line that a SIGKILL cut short has no end.
        .filter((line) => line.endsWith('}'))
        .map((line) => JSON.parse(line) as LedgerLine)
    );
  }

  async events(...queues: string[]): Promise<LifecycleEvent[]> {
    const all: LifecycleEvent[] = [];
    for (const queue of queues.length > 0 ? queues : ['default']) {
      for (const [id, fields] of await this.rq.redis.xrange(keys.events(queue), '-', '+')) {
        all.push(...unfoldEntry(queue, id, fields));
      }
    }
    return all;
  }

  async story(id: string, queue = 'default'): Promise<string> {
    const events = await this.events(queue);
    return events.flatMap((event) => (event.jobId === id ? [event.kind] : [])).join(' ');
  }

  status(id: string): Promise<string | null> {
    return this.rq.redis.hget(keys.job(id), 'status');
  }

  /** Waits until the queues hold nothing that waits, flies or runs. */
  async drained(queues: readonly string[], deadlineMs = 30_000): Promise<void> {
    await until(
      'the queues are drained',
      async () => {
        const counts = await Promise.all(
          queues.flatMap((queue) => [
            this.rq.redis.llen(keys.queue(queue)),
            this.rq.redis.llen(keys.intermediate(queue)),
            this.rq.redis.zcard(keys.wip(queue)),
          ]),
        );
        return counts.every((count) => count === 0);
      },
      { deadlineMs },
    );
  }

  audit(options: AuditOptions = {}): Promise<AuditReport> {
    return audit(this.rq.redis, this.rq.wire, { intervalMs: 300, graceMs: 2_000, ...options });
  }

  async close(): Promise<void> {
    await Promise.all(this.victims.map((victim) => victim.kill()));
    await this.rq.close();
    await this.server.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
