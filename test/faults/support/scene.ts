import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RedisServer } from '../../../scripts/redis-server.mjs';
import type { AclRole } from '../../../src/redis/acl.js';
import { type AuditOptions, type AuditReport, audit } from '../../../src/redis/audit/audit.js';
import type { RedisAddress } from '../../../src/redis/connection.js';
import { keys } from '../../../src/redis/keys.js';
import { type LifecycleEvent, unfoldEntry } from '../../../src/redis/lifecycle-event.js';
import type { WireSettings } from '../../../src/redis/transitions/queue-keys.js';
import type { Job } from '../../../src/streams/job.js';
import { Rq } from '../../../src/streams/rq.js';
import { LossyProxy } from '../../support/lossy-proxy.js';
import { startPrivateRedis } from '../../support/redis.js';
import { until } from '../../support/until.js';
import { addressFor, asUser, userArgs } from '../../support/users.js';
import { Victim, type VictimOptions } from './victim.js';

/** What a handler wrote when it began, and when it ended. */
export interface LedgerLine {
  id: string;
  attempt: number;
  execution: string;
  pid: number;
  phase: 'begin' | 'end';
}

export interface Outcome {
  /** Acknowledged, and not finished. */
  lost: number;
  /** Finished more than once. */
  twice: number;
  /** Finished, and never acknowledged. */
  foreign: number;
  /** Taken from workers that were thought dead. */
  recovered: number;
}

// Longer than any of these tests keeps Redis away.
const enqueueDeadlineMs = 180_000;

/** Of lists and sorted sets: how many they hold in all. */
const countAll = `
  local count = 0
  for _, key in ipairs(KEYS) do
    count = count + redis.call(redis.call('TYPE', key).ok == 'zset' and 'ZCARD' or 'LLEN', key)
  end
  return count`;

/** A Redis, a producer, a ledger, and workers that are made to suffer. */
export class Scene {
  private readonly victims: Victim[] = [];
  private readonly proxies: LossyProxy[] = [];
  private readonly clients: Rq[] = [];

  private constructor(
    readonly server: RedisServer,
    readonly rq: Rq,
    readonly wire: Partial<WireSettings>,
    private readonly directory: string,
    private readonly address: RedisAddress = server.url,
  ) {
    writeFileSync(this.ledgerPath, '');
  }

  static async open(
    wire: Partial<WireSettings>,
    args: readonly string[] = [],
    binary = 'redis-server',
  ): Promise<Scene> {
    const server = await startPrivateRedis({ args: [...userArgs, ...args], binary });
    const rq = new Rq({ url: asUser(server.url, 'harness'), wire, enqueueDeadlineMs });
    return new Scene(server, rq, wire, mkdtempSync(join(tmpdir(), 'rxrq-faults-')));
  }

  /** The same over a server that is found by an address of another kind. */
  static at(server: RedisServer, address: RedisAddress, wire: Partial<WireSettings>): Scene {
    const rq = new Rq({ url: address, wire, enqueueDeadlineMs: 60_000 });
    return new Scene(server, rq, wire, mkdtempSync(join(tmpdir(), 'rxrq-faults-')), address);
  }

  get ledgerPath(): string {
    return join(this.directory, 'ledger');
  }

  /** Has the rights of a worker, unless its URL names a user. */
  victim({ url = this.address, ...options }: Partial<VictimOptions> = {}): Victim {
    const own = { url: addressFor(url, 'worker'), wire: this.wire, ledger: this.ledgerPath };
    const victim = new Victim({ ...own, ...options });
    this.victims.push(victim);
    return victim;
  }

  /** A worker that is up. */
  async worker(options: Partial<VictimOptions> = {}): Promise<Victim> {
    const victim = this.victim(options);
    await victim.said('ready');
    return victim;
  }

  /** A network before this Redis that can be made to fail. */
  async network(): Promise<LossyProxy> {
    const proxy = await LossyProxy.start(this.server.port);
    this.proxies.push(proxy);
    return proxy;
  }

  /** Somebody else, by its own way to this Redis, with no more rights than its role. */
  client(role: AclRole, url = this.server.url): Rq {
    const rq = new Rq({ url: asUser(url, role), wire: this.wire, enqueueDeadlineMs });
    this.clients.push(rq);
    return rq;
  }

  async enqueue(count: number, name = 'handlers.note', ...args: unknown[]): Promise<Job[]> {
    return this.rq
      .queue('default')
      .enqueueMany(Array.from({ length: count }, () => ({ name, args })));
  }

  /** Waits until so many handlers have begun. */
  begun(count: number, deadlineMs = 15_000): Promise<LedgerLine[]> {
    const begins = (): LedgerLine[] => this.ledger().filter(({ phase }) => phase === 'begin');
    const fact = `${count} jobs began`;
    return until(fact, () => begins().length >= count && begins(), { deadlineMs });
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
        // At one moment: between two looks an id may go back to a place that has been looked at. A transaction would be
        // refused over maxmemory.
        const places = queues.flatMap((queue) => [
          keys.queue(queue),
          keys.intermediate(queue),
          keys.wip(queue),
        ]);
        return (await this.rq.redis.eval(countAll, places.length, ...places)) === 0;
      },
      { deadlineMs },
    );
  }

  /** What became of jobs whose enqueueing was acknowledged, as the event log tells it. */
  async outcome(ids: readonly string[], queues: readonly string[] = ['default']): Promise<Outcome> {
    const events = await this.events(...queues);
    const finished = events.filter(({ kind }) => kind === 'finished').map(({ jobId }) => jobId);
    const ended = new Set(finished);
    const known = new Set(ids);
    return {
      lost: ids.filter((id) => !ended.has(id)).length,
      twice: finished.length - ended.size,
      foreign: finished.filter((id) => !known.has(id)).length,
      recovered: events.filter(({ kind }) => kind === 'recovered').length,
    };
  }

  /**
   * What the audit finds. The records of killed workers stay listed until the next cleaning, ten minutes later; they
   * are no finding here.
   */
  async findings(by = this.rq): Promise<string[]> {
    const { findings } = await this.audit({}, by);
    return findings.flatMap(({ code, ...rest }) =>
      code === 'A15' ? [] : [`${code} ${JSON.stringify(rest)}`],
    );
  }

  audit(options: AuditOptions = {}, by = this.rq): Promise<AuditReport> {
    return audit(by.redis, by.wire, { intervalMs: 300, graceMs: 2_000, ...options });
  }

  async close(): Promise<void> {
    await Promise.all(this.victims.map((victim) => victim.kill()));
    await Promise.all(this.proxies.map((proxy) => proxy.stop()));
    await Promise.all([this.rq, ...this.clients].map((rq) => rq.close()));
    await this.server.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
