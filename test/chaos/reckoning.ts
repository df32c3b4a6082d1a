import { keys } from '../../src/redis/keys.js';
import type { LifecycleEvent } from '../../src/redis/lifecycle-event.js';
import { explain } from '../faults/support/explain.js';
import { type Acknowledged, mixed, queues, type World } from './world.js';

/** Like Jepsen's total queue: what became of every job that was acknowledged, and what nobody had asked for. */
export interface Reckoning {
  acknowledged: number;
  finished: number;
  failed: number;
  /** Ran more than once, and events say why. */
  repeated: number;
  recovered: number;
  handedBack: number;
  retried: number;
  /** Jobs of the queue that Python works on as well, by what became of them. */
  mixed: Record<string, number>;
  endedByPython: number;
  /** Outcomes that came too late, and were refused. */
  refused: number;
  /** What must not be: each line names a job. */
  wrong: string[];
}

const most = 20;

export const reckon = async (world: World): Promise<Reckoning> => {
  const { scene, acknowledged } = world;
  const events = await scene.events(...queues, mixed);
  const { repeated, unexplained, fenceless } = explain(scene.ledger(), events);
  const own = events.filter(({ queue }) => queue !== mixed);
  const endedByUs = new Set(
    events.flatMap(({ kind, jobId }) =>
      kind === 'finished' || kind === 'quarantined' ? [jobId] : [],
    ),
  );
  const statuses: Record<string, number> = {};
  for (const id of world.mixed) {
    const status = (await scene.status(id)) ?? 'gone';
    statuses[status] = (statuses[status] ?? 0) + 1;
  }
  const wrong = [
    ...endings(acknowledged, own),
    ...Object.keys(statuses)
      .filter((status) => status !== 'finished' && status !== 'failed')
      .map((status) => `${statuses[status]} jobs of both sides are ${status}`),
    ...unexplained.map((id) => `${id} ran more than once, and nothing tells why`),
    ...fenceless.map((id) => `${id} ran twice with one fence`),
    ...(await misfits(world)),
  ];
  const count = (wanted: LifecycleEvent['kind']): number =>
    own.filter(({ kind }) => kind === wanted).length;
  return {
    acknowledged: acknowledged.length,
    finished: count('finished'),
    failed: count('quarantined'),
    repeated,
    recovered: count('recovered'),
    handedBack: count('handedBack'),
    retried: count('retried'),
    mixed: statuses,
    endedByPython: world.mixed.filter((id) => !endedByUs.has(id)).length,
    refused: count('lost'),
    wrong:
      wrong.length > most ? [...wrong.slice(0, most), `… and ${wrong.length - most} more`] : wrong,
  };
};

/** Every acknowledged job has ended, once; and nobody else's has. */
const endings = (
  acknowledged: readonly Acknowledged[],
  events: readonly LifecycleEvent[],
): string[] => {
  const ends = new Map<string, string[]>(acknowledged.map(({ id }) => [id, []]));
  const wrong: string[] = [];
  for (const { kind, jobId } of events) {
    if (kind !== 'finished' && kind !== 'quarantined') continue;
    const known = ends.get(jobId);
    if (known) known.push(kind);
    else wrong.push(`${jobId} ${kind}, and nobody had enqueued it`);
  }
  for (const [id, kinds] of ends) {
    if (kinds.length === 0) wrong.push(`${id} was acknowledged, and never ended`);
    if (kinds.length > 1) wrong.push(`${id} ended more than once: ${kinds.join(', ')}`);
  }
  return wrong;
};

/** Keys that nothing accounts for once all work is done. */
const misfits = async ({ scene, acknowledged, mixed: ofBoth }: World): Promise<string[]> => {
  const { redis } = scene.rq;
  const jobs = new Set([...acknowledged.map(({ id }) => id), ...ofBoth].map(keys.job));
  const wrong: string[] = [];
  const empty = [...queues, mixed].flatMap((queue) => [
    keys.queue(queue),
    keys.intermediate(queue),
    keys.wip(queue),
    keys.scheduled(queue),
    keys.deferred(queue),
  ]);
  for (const key of empty) if (await redis.exists(key)) wrong.push(`${key} is not empty`);
  for await (const found of redis.scanStream({ count: 1_000 })) {
    for (const key of found as string[]) {
      const isRun = key.startsWith('rq:execution:') || key.startsWith('rq:executions:');
      // What a killed worker left has a time to live.
      if (isRun && (await redis.ttl(key)) === -1) wrong.push(`${key} stays for ever`);
      const isJob = key.startsWith(keys.job('')) && !jobs.has(key);
      if (isJob) wrong.push(`${key} belongs to no job that was acknowledged`);
    }
  }
  return wrong;
};
