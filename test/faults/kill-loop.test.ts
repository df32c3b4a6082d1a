import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import type { Rq } from '../../src/streams/rq.js';
import { asUser } from '../support/users.js';
import { explain } from './support/explain.js';
import { Scene } from './support/scene.js';
import type { Victim } from './support/victim.js';

const queues = ['high', 'default', 'low'];
const jobsPerSecond = 300;
/** The full form is `npm run faults`; the short one takes as many as fit, and never fewer than these. */
const kills = Number(process.env.RXRQ_KILLS ?? 60);
const enoughMs = process.env.RXRQ_KILLS ? Number.POSITIVE_INFINITY : 40_000;

// A lease so short that the next victims, who live for moments, still get to recover what the last one held.
const wire = {
  narrowLeaseMs: 400,
  wideLeaseSeconds: 60,
  maxRecoveries: 1_000,
  eventLogLength: 1_000_000,
  resultTtlSeconds: 86_400,
};

/** With `npm run beside` every other worker, and every other job, is of an earlier build. */
const otherBuild =
  process.env.RXRQ_BESIDE && pathToFileURL(`${process.env.RXRQ_BESIDE}/dist/index.js`).href;

const otherProducer = async (scene: Scene, build: string): Promise<Rq> => {
  const other = (await import(build)) as { Rq: typeof Rq };
  return new other.Rq({ url: asUser(scene.server.url, 'producer'), wire });
};

/** Enqueues at an even rate until it is told to stop; remembers every id that was acknowledged. */
const produce = (producers: readonly Rq[], ids: string[]) => {
  let isOver = false;
  const producing = (async () => {
    for (let tick = 0; !isOver; tick++) {
      const rq = producers[tick % producers.length] as Rq;
      const queue = rq.queue(queues[tick % queues.length] as string);
      const specs = Array.from({ length: jobsPerSecond / 50 }, () => ({ name: 'handlers.note' }));
      for (const job of await queue.enqueueMany(specs)) ids.push(job.id);
      await delay(20);
    }
  })();
  return () => {
    isOver = true;
    return producing;
  };
};

/** Kills one worker after the other, each at a random moment after it was ready. */
const killThem = async (scene: Scene): Promise<{ killed: number; tookMs: number }> => {
  const beganMs = performance.now();
  // The next one loads its code while this one works: a kill costs a boot and no start of Node.
  const spare = (n: number): Victim =>
    scene.victim({
      queues,
      wait: true,
      isolation: n % 2 === 0 ? 'inline' : 'pool',
      concurrency: n % 2 === 0 ? 10 : 2,
      ...(otherBuild && n % 4 >= 2 && { build: otherBuild }),
    });
  let next = spare(0);
  let killed = 0;
  while (killed < kills || (performance.now() - beganMs < enoughMs && enoughMs < 1e9)) {
    const victim = next;
    victim.go();
    await victim.said('ready');
    next = spare(killed + 1);
    await delay(Math.random() * 150);
    await victim.kill();
    killed += 1;
  }
  await next.kill();
  return { killed, tookMs: Math.round(performance.now() - beganMs) };
};

describe('a worker that is killed again and again', () => {
  it(
    '54: loses no job, ends each once, and tells of each that ran twice',
    async () => {
      const scene = await Scene.open(wire);
      const others = otherBuild ? [await otherProducer(scene, otherBuild)] : [];
      try {
        const ids: string[] = [];
        const stop = produce([scene.client('producer'), ...others], ids);
        const { killed, tookMs } = await killThem(scene);
        await stop();
        const last = await scene.worker({ queues, isolation: 'inline', concurrency: 20 });
        await scene.drained(queues, 120_000);
        last.signal('SIGTERM');
        expect(await last.end()).toBe(0);

        const events = await scene.events(...queues);
        const statuses = new Map<string, number>();
        for (let from = 0; from < ids.length; from += 500) {
          for (const record of await scene.rq.fetchMany(ids.slice(from, from + 500))) {
            const status = record?.status ?? 'lost';
            statuses.set(status, (statuses.get(status) ?? 0) + 1);
          }
        }
        const finished = events.filter(({ kind }) => kind === 'finished');
        const recovered = events.filter(({ kind }) => kind === 'recovered').length;
        const { repeated, unexplained, fenceless } = explain(scene.ledger(), events);
        process.stderr.write(
          `kill loop: ${killed} kills in ${tookMs} ms, ${ids.length} jobs, ${finished.length} finished, ` +
            `${recovered} recovered, ${repeated} ran more than once, ${unexplained.length} of them untold\n`,
        );
        expect(Object.fromEntries(statuses)).toEqual({ finished: ids.length });
        expect(finished).toHaveLength(ids.length);
        expect(new Set(finished.map(({ jobId }) => jobId))).toEqual(new Set(ids));
        expect(unexplained).toEqual([]);
        // Each run could be told from every other by its fence.
        expect(fenceless).toEqual([]);
        // Killed workers stay listed until the next cleaning, ten minutes later; nothing else may be found.
        const { findings } = await scene.audit({ repair: true });
        expect(findings.filter(({ code }) => code !== 'A15').slice(0, 20)).toEqual([]);
        expect(findings.every(({ mended }) => mended)).toBe(true);
        expect(killed).toBeGreaterThanOrEqual(Math.min(kills, 60));
      } finally {
        for (const rq of others) await rq.close();
        await scene.close();
      }
    },
    process.env.RXRQ_KILLS ? 3_600_000 : 600_000,
  );
});
