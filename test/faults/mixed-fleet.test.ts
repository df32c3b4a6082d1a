import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import type { AuditReport } from '../../src/redis/audit/audit.js';
import { isTerminal } from '../../src/redis/job-status.js';
import type { LifecycleEvent } from '../../src/redis/lifecycle-event.js';
import { describeWithPython, python } from '../support/python.js';
import { until } from '../support/until.js';
import { Fleet, type Line } from './support/fleet.js';
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
      await fleet.killPython('horse');
      continue;
    }
    deaths += 1;
    if (deaths % 3 === 0) {
      await fleet.killNode();
      fleet.join(fleet.node(deaths % 6 === 0 ? 'pool' : 'inline'));
    } else {
      await fleet.killPython(deaths % 3 === 1 ? 'both' : 'worker');
      fleet.join(fleet.python(deaths % 5 === 0 ? queues : [queues[deaths % 2] as string]));
    }
  }
  await fleet.allUp();
};

interface Fate {
  id: string;
  status: string;
  /** Why it failed; else empty. */
  words: string;
}

const fatesOf = async (scene: Scene, ids: readonly string[]): Promise<Fate[]> => {
  const records = await scene.rq.fetchMany([...ids]);
  return Promise.all(
    ids.map(async (id, at) => {
      const record = records[at];
      const status = record?.status ?? 'lost';
      if (status !== 'failed') return { id, status, words: '' };
      const error = await scene.rq
        .queue(record?.origin ?? '')
        .job(id)
        .result({ timeoutMs: 0 })
        .then(
          () => 'no reason',
          (thrown: Error) => thrown.message,
        );
      return { id, status, words: error };
    }),
  );
};

/** What a job may fail of: what it does itself, and what Python makes of a death. */
const reasons = {
  'of itself': /doomed from the start|not yet/,
  'its horse was killed': /Work-horse terminated unexpectedly/,
  'abandoned, by the rule of Python': /AbandonedJobError/,
  'stuck in flight, by the rule of Python': /Job was stuck in intermediate queue/,
};

const accountOf = (fates: readonly Fate[]) => {
  const accounts: Record<string, number> = {};
  const unaccounted: Fate[] = [];
  for (const fate of fates) {
    const reason = Object.entries(reasons).find(([, words]) => words.test(fate.words))?.[0];
    const account = fate.status === 'failed' ? reason : fate.status;
    if (account === undefined) unaccounted.push(fate);
    else accounts[account] = (accounts[account] ?? 0) + 1;
  }
  return { accounts, unaccounted };
};

/** Runs of one job in the order of their begin. A run that was cut has no end. */
const runsOf = (lines: readonly Line[]) => {
  const runs = new Map<string, Array<Line & { ended: 'end' | 'fail' | 'cut' }>>();
  for (const line of lines) {
    const ofJob = runs.get(line.id) ?? [];
    runs.set(line.id, ofJob);
    if (line.phase === 'begin') ofJob.push({ ...line, ended: 'cut' });
    else {
      const run = ofJob.findLast(({ pid, ended }) => pid === line.pid && ended === 'cut');
      if (run) run.ended = line.phase;
    }
  }
  return runs;
};

/**
 * Jobs that ran again after a run that came to its end, by the reason: the worker died before it could say so, or
 * its job had been taken away from it. Python runs again whatever it finds in a queue; Node must have a reason.
 */
const explain = (
  lines: readonly Line[],
  events: readonly LifecycleEvent[],
  killed: ReadonlySet<number>,
) => {
  const taken = new Set(
    events.flatMap(({ kind, jobId }) =>
      kind === 'recovered' || kind === 'handedBack' || kind === 'lost' ? [jobId] : [],
    ),
  );
  const again: Record<string, number> = {};
  const unexplained: string[] = [];
  for (const [id, runs] of runsOf(lines)) {
    for (const [at, run] of runs.entries()) {
      const next = runs[at + 1];
      if (run.ended !== 'end' || !next) continue;
      const reason =
        killed.has(run.pid) || killed.has(run.boss)
          ? 'its process was killed before the end was written'
          : taken.has(id)
            ? 'it had been taken away'
            : next.side === 'python'
              ? 'Python looks at no status (S19)'
              : undefined;
      if (reason) again[reason] = (again[reason] ?? 0) + 1;
      else unexplained.push(id);
    }
  }
  return { again, unexplained };
};

/** What Python leaves, and what any death leaves until the next cleaning. */
const ofPython = new Set(['A15', 'A14', 'A11', 'A19', 'A7']);

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
          audits.push(await scene.audit({ repair: true }));
          await until('what was lost has ended', settled, { deadlineMs: 30_000 }).catch(() => {
            throw never;
          });
        });
        const events = await scene.events(...queues);
        const { accounts, unaccounted } = accountOf(fates);
        const { again, unexplained } = explain(await fleet.ledger(), events, fleet.killed);
        // The leases that dead workers of Python's still had are dropped when they are over.
        const clean = await until('the audit is clean, but for what Python leaves', async () => {
          await fleet.age();
          audits.push(await scene.audit());
          return audits.at(-1)?.findings.every(({ code }) => ofPython.has(code));
        }).catch(() => false);
        const found = audits.map(({ findings }) =>
          findings.map(({ code, seen, jobId }) => `${code} ${jobId ?? ''} ${seen}`),
        );
        process.stderr.write(
          `mixed fleet with RQ ${version}: ${ids.length} jobs, killed ${JSON.stringify(fleet.kills)}, ` +
            `ended ${JSON.stringify(accounts)}, ran again ${JSON.stringify(again)}, audits ${JSON.stringify(found)}\n`,
        );
        expect(ids).toHaveLength(jobCount);
        expect(unaccounted).toEqual([]);
        expect(unexplained).toEqual([]);
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
