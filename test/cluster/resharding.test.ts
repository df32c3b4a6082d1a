import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { audit } from '../../src/redis/audit/audit.js';
import { keys } from '../../src/redis/keys.js';
import { unfoldEntry } from '../../src/redis/lifecycle-event.js';
import { Rq } from '../../src/streams/rq.js';
import { Victim } from '../faults/support/victim.js';
import { until } from '../support/until.js';
import { TestCluster } from './support/cluster.js';

const wire = { narrowLeaseMs: 3_000 };
let cluster: TestCluster;
let directory: string;
const victims: Victim[] = [];

beforeAll(async () => {
  cluster = await TestCluster.start();
  directory = mkdtempSync(join(tmpdir(), 'rxrq-cluster-'));
}, 30_000);
afterAll(async () => {
  await Promise.all(victims.map((victim) => victim.kill()));
  await cluster.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** A queue in a space of its own, its producer, its workers. */
class Stand {
  readonly rq: Rq;
  readonly ids: string[] = [];
  readonly troubles: unknown[] = [];
  readonly ledger: string;
  producing = true;

  constructor(readonly name: string) {
    this.ledger = join(directory, name);
    writeFileSync(this.ledger, '');
    this.rq = new Rq({
      url: cluster.url(name),
      wire,
      enqueueDeadlineMs: 60_000,
      onTrouble: (error) => this.troubles.push(error),
    });
  }

  async worker(): Promise<Victim> {
    const { name, ledger } = this;
    const options = { url: cluster.url(name), queues: [name], wire, ledger, concurrency: 4 };
    const victim = new Victim({ ...options, isolation: 'inline' });
    victims.push(victim);
    await victim.said('ready');
    return victim;
  }

  /** Enqueues, one part after the other, until it is told to end. */
  async produce(): Promise<void> {
    const queue = this.rq.queue(this.name);
    while (this.producing) {
      const specs = Array.from({ length: 5 }, () => ({ name: 'handlers.sleep', args: [5] }));
      const jobs = await queue.enqueueMany(specs);
      this.ids.push(...jobs.map(({ id }) => id));
      const last = await queue.enqueueWith({ dependsOn: jobs }, 'handlers.note');
      this.ids.push(last.id);
      await last.result({ timeoutMs: 60_000 });
    }
  }

  async finished(): Promise<string[]> {
    const entries = await this.rq.redis.xrange(keys.events(this.name), '-', '+');
    return entries
      .flatMap(([id, fields]) => unfoldEntry(this.name, id, fields))
      .flatMap((event) => (event.kind === 'finished' ? [event.jobId] : []));
  }

  begun(): number {
    return readFileSync(this.ledger, 'utf8').split('"begin"').length - 1;
  }
}

describe('resharding', () => {
  it('loses nothing and runs nothing twice: every slot moves back and forth, and a worker is killed', async () => {
    const spaces = await cluster.spaceOnEach('shop');
    const stands = spaces.map((name) => new Stand(name));
    const workers = await Promise.all(stands.map((stand) => stand.worker()));
    const second = await stands[0]?.worker();
    const producing = stands.map((stand) => stand.produce());
    for (let round = 1; round <= 3; round++) {
      for (const [at, { name }] of stands.entries()) {
        await cluster.move(name, (at + round) % 3);
        if (round === 2 && at === 0) workers[0]?.signal('SIGKILL');
      }
    }
    for (const stand of stands) stand.producing = false;
    await Promise.all(producing);

    for (const stand of stands) {
      const queue = stand.rq.queue(stand.name);
      await until(
        'it is drained',
        async () => {
          const { queued, started, deferred } = await queue.counts();
          return queued + started + deferred === 0;
        },
        { deadlineMs: 20_000 },
      );
      const finished = await stand.finished();
      expect(new Set(finished).size).toBe(finished.length);
      expect([...finished].sort()).toEqual([...stand.ids].sort());
      expect(stand.begun()).toBeGreaterThanOrEqual(stand.ids.length);
      const { findings } = await audit(stand.rq.redis, stand.rq.wire, {
        intervalMs: 300,
        graceMs: 2_000,
      });
      // The killed worker's record stays for some minutes.
      expect(findings.filter(({ code }) => code !== 'A15')).toEqual([]);
      expect(stand.troubles).toEqual([]);
      await stand.rq.close();
    }
    // What a slow machine makes wait too long is told, and tried again.
    const troubles = victims.flatMap((victim) => victim.troubles);
    expect(troubles.filter((told) => told !== 'Command timed out')).toEqual([]);
    second?.signal('SIGTERM');
    expect(await second?.end()).toBe(0);
  }, 90_000);
});
