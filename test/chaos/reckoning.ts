import { keys } from '../../src/redis/keys.js';
import type { LifecycleEvent } from '../../src/redis/lifecycle-event.js';
import { explain } from '../faults/support/explain.js';
import { type Acknowledged, queues, type World } from './world.js';

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
  /** Outcomes that came too late, and were refused. */
  refused: number;
  /** What must not be: each line names a job. */
  wrong: string[];
}

const most = 20;

export const reckon = async (world: World): Promise<Reckoning> => {
  const { scene, acknowledged } = world;
  const events = await scene.events(...queues);
  const { repeated, unexplained, fenceless } = explain(scene.ledger(), events);
  const wrong = [
    ...endings(acknowledged, events),
    ...unexplained.map((id) => `${id} ran more than once, and nothing tells why`),
    ...fenceless.map((id) => `${id} ran twice with one fence`),
    ...(await misfits(world)),
  ];
  const count = (wanted: LifecycleEvent['kind']): number =>
    events.filter(({ kind }) => kind === wanted).length;
  return {
    acknowledged: acknowledged.length,
    finished: count('finished'),
    failed: count('quarantined'),
    repeated,
    recovered: count('recovered'),
    handedBack: count('handedBack'),
    retried: count('retried'),
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
const misfits = async ({ scene, acknowledged }: World): Promise<string[]> => {
  const { redis } = scene.rq;
  const jobs = new Set(acknowledged.map(({ id }) => keys.job(id)));
  const wrong: string[] = [];
  const empty = queues.flatMap((queue) => [
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
