import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import type { AuditReport } from '../../src/redis/audit/audit.js';
import { isTerminal } from '../../src/redis/job-status.js';
import { describeWithPython, python } from '../support/python.js';
import { until } from '../support/until.js';
import { Fleet, ofSeveralQueues } from './support/fleet.js';
import {
  accountOf,
  endsOf,
  explain,
  type Fate,
  fatesOf,
  isLeftover,
  retriedTwice,
  slowHand,
} from './support/fleet-account.js';
import { Scene } from './support/scene.js';

const isLong = process.env.RXRQ_KILLS !== undefined;
const jobCount = isLong ? 2_000 : 200;
const batchPauseMs = isLong ? 200 : 500;
const queues = ['fleet-a', 'fleet-b'];
const wire = {
  narrowLeaseMs: 1_000,
  maxRecoveries: 1_000,
  eventLogLength: 1_000_000,
  resultTtlSeconds: 86_400,
};

/** Half of the jobs, by Node; fixtures/fleet.py makes the other half, of the same mix. */
const produce = async (scene: Scene, count: number): Promise<string[]> => {
  const [a, b] = queues.map((name) => scene.rq.queue(name)) as [
    ReturnType<typeof scene.rq.queue>,
    ReturnType<typeof scene.rq.queue>,
  ];
  const retry = { max: 8 };
  const later = { max: 8, intervalsSeconds: [1] };
  const made: string[] = [];
  while (made.length < count) {
    const parent = await a.enqueueWith({ retry }, 'fleet.slow', 50);
    const allowing = { jobs: parent, allowFailure: true };
    const batch = [
      parent,
      await b.enqueueWith({ dependsOn: allowing, retry }, 'fleet.quick'),
      await b.enqueueWith({ dependsOn: parent }, 'fleet.quick'),
      await a.enqueue('fleet.quick'),
      await a.enqueueWith({ retry }, 'fleet.flaky', 2),
      await b.enqueueWith({ retry: later }, 'fleet.flaky', 1),
      await b.enqueueWith({ in: 1, retry }, 'fleet.quick'),
      await a.enqueueWith({ in: 1, retry }, 'fleet.slow', 100),
      await b.enqueueWith({ retry: { max: 1 } }, 'fleet.doomed'),
      await b.enqueueWith({ retry }, 'fleet.slow', 200),
    ];
    made.push(...batch.map(({ id }) => id));
    await delay(batchPauseMs);
  }
  return made;
};

/** One after the other dies, and a worker that died is replaced, until the producers are done. */
const killUntil = async (fleet: Fleet, isOver: () => boolean): Promise<void> => {
  let deaths = 0;
  while (!isOver()) {
    await delay(100 + Math.random() * 300);
    // A horse can go at any time; workers are not to be fewer than they were.
    if (!fleet.isComplete) {
      fleet.killPython('children');
      continue;
    }
    deaths += 1;
    if (deaths % 3 === 0) {
      await fleet.killNode();
      fleet.join(fleet.node(deaths % 6 === 0 ? 'pool' : 'inline'));
    } else {
      fleet.killPython(deaths % 2 === 0 ? 'both' : 'worker');
    }
  }
  await fleet.allUp();
};

describeWithPython('a mixed fleet', isLong ? ['2.12', '1.16'] : ['2.12'], (version) => {
  it(
    'ends every job once, or says what became of it, whoever dies',
    async () => {
      const scene = await Scene.open(wire);
      const fleet = new Fleet(scene, version);
      try {
        await Promise.all([
          fleet.node('inline'),
          fleet.python(['fleet-a']),
          fleet.python(['fleet-b']),
          fleet.python(queues, '--with-scheduler'),
        ]);
        let isOver = false;
        const script = `import sys; sys.argv[1:] = ['${jobCount / 2}', '${batchPauseMs / 1_000}']; import fleet; fleet.produce(int(sys.argv[1]), float(sys.argv[2]))`;
        const producing = Promise.all([
          produce(scene, jobCount / 2),
          python<string[]>(version, script, [], fleet.pythonEnvironment, 600_000),
        ]).finally(() => {
          isOver = true;
        });
        await killUntil(fleet, () => isOver);
        const ids = (await producing).flat();
        await fleet.node('inline');

        const audits: AuditReport[] = [];
        let mended: AuditReport['findings'] = [];
        let fates: Fate[] = [];
        const settled = async () => {
          await fleet.age();
          fates = await fatesOf(scene, ids);
          const failed = new Set(
            fates.flatMap(({ id, status }) => (status === 'failed' ? [id] : [])),
          );
          const open = fates.filter(({ status }) => !isTerminal(status as never));
          const waits = await Promise.all(
            open.map(async ({ id, status }) => {
              const parents = await scene.rq.redis.smembers(`rq:job::${id}:dependencies`);
              return status === 'deferred' && parents.some((parent) => failed.has(parent));
            }),
          );
          return waits.every(Boolean);
        };
        await until('all jobs have ended', settled, {
          deadlineMs: isLong ? 180_000 : 40_000,
        }).catch(async (never: unknown) => {
          // What Python lost from its hand (S1) no worker finds: it is in no list.
          const repair = await scene.audit({ repair: true });
          audits.push(repair);
          mended = repair.findings.filter((finding) => !isLeftover(finding, fleet.dead));
          await until('what was lost has ended', settled, { deadlineMs: 30_000 }).catch(() => {
            throw never;
          });
        });
        const events = await scene.events(...queues);
        const story = { lines: await fleet.ledger(), events, killed: fleet.killed };
        const { accounts, unaccounted } = accountOf(fates, story);
        const { again, unexplained } = explain(story);
        const { onlyNode, notOnce } = endsOf(fates, story);
        // The leases that dead workers of Python's still had are dropped when they are over.
        const clean = await until('the audit is clean, but for what Python leaves', async () => {
          await fleet.age();
          audits.push(await scene.audit());
          return audits.at(-1)?.findings.every((finding) => isLeftover(finding, fleet.dead));
        }).catch(() => false);
        const found = audits.map(({ findings }) =>
          findings.map(({ code, seen, jobId }) => `${code} ${jobId ?? ''} ${seen}`),
        );
        process.stderr.write(
          `mixed fleet with RQ ${version}: ${ids.length} jobs, killed ${JSON.stringify(fleet.kills)}, ` +
            `ended ${JSON.stringify(accounts)}, only Node ran ${onlyNode}, ran again ${JSON.stringify(again)}, audits ${JSON.stringify(found)}\n`,
        );
        expect(ids).toHaveLength(jobCount);
        // Only a worker of several queues has in its hand what is nowhere else, and one job at most.
        expect(mended.filter(({ code }) => code !== 'A1')).toEqual([]);
        expect(mended.length).toBeLessThanOrEqual(fleet.kills[ofSeveralQueues] ?? 0);
        expect(unaccounted).toEqual([]);
        expect(unexplained).toEqual([]);
        expect((again[slowHand] ?? 0) + (again[retriedTwice] ?? 0)).toBeLessThanOrEqual(
          jobCount / 100,
        );
        expect(notOnce).toEqual([]);
        expect(onlyNode).toBeGreaterThan(jobCount / 20);
        expect(accounts.finished).toBeGreaterThan(jobCount / 2);
        expect(clean ? [] : found.at(-1)).toEqual([]);
      } finally {
        await fleet.close();
        await scene.close();
      }
    },
    isLong ? 900_000 : 120_000,
  );
});
