import { keys } from '../../src/redis/keys.js';
import type { LifecycleEvent } from '../../src/redis/lifecycle-event.js';
import { explain } from '../faults/support/explain.js';
import type { LedgerLine } from '../faults/support/scene.js';
import type { Acknowledged } from './producers.js';
import { mixed, queues, type World } from './world.js';

/** Like Jepsen's total queue: what became of every job that was acknowledged, and what nobody had asked for. */
export interface Reckoning {
  acknowledged: number;
  /** Their producers were told that they may have been written. */
  uncertain: number;
  finished: number;
  failed: number;
  canceled: number;
  requeued: number;
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
  /** Begins of handlers, by their own account. */
  runs: number;
  /** What must not be: each line names a job. */
  wrong: string[];
}

const most = 20;

export const reckon = async (world: World): Promise<Reckoning> => {
  const { scene, producers } = world;
  const events = await scene.events(...queues, mixed);
  const ledger = scene.ledger();
  const { repeated, unexplained, fenceless } = explain(ledger, events);
  const own = events.filter(({ queue }) => queue !== mixed);
  const endedByUs = new Set(
    events.flatMap(({ kind, jobId }) =>
      kind === 'finished' || kind === 'quarantined' ? [jobId] : [],
    ),
  );
  const statuses: Record<string, number> = {};
  for (const id of producers.mixed) {
    const status = (await scene.status(id)) ?? 'gone';
    statuses[status] = (statuses[status] ?? 0) + 1;
  }
  const wrong = [
    ...endings(producers.acknowledged, producers.uncertain, own),
    ...(await misstated(world, own)),
    ...untold(ledger, events),
    ...Object.keys(statuses)
      .filter((status) => status !== 'finished' && status !== 'failed')
      .map((status) => `${statuses[status]} jobs of both sides are ${status}`),
    ...unexplained.map((id) => `${id} ran more than once, and nothing tells why`),
    ...fenceless.map((id) => `${id} ran twice with one fence`),
  ];
  const count = (wanted: LifecycleEvent['kind']): number =>
    own.filter(({ kind }) => kind === wanted).length;
  return {
    acknowledged: producers.acknowledged.length,
    uncertain: producers.uncertain.size,
    finished: count('finished'),
    failed: count('quarantined'),
    canceled: count('canceled'),
    requeued: count('requeued'),
    repeated,
    recovered: count('recovered'),
    handedBack: count('handedBack'),
    retried: count('retried'),
    mixed: statuses,
    endedByPython: producers.mixed.filter((id) => !endedByUs.has(id)).length,
    refused: count('lost'),
    runs: ledger.filter(({ phase }) => phase === 'begin').length,
    wrong:
      wrong.length > most ? [...wrong.slice(0, most), `… and ${wrong.length - most} more`] : wrong,
  };
};

const isEnd = (kind: string): boolean =>
  kind === 'finished' || kind === 'quarantined' || kind === 'canceled';

/** Every acknowledged job, and each that was written untold, has ended, once, and once more for each time that it was requeued; and nobody else's has. */
const endings = (
  acknowledged: readonly Acknowledged[],
  uncertain: ReadonlyMap<string, unknown>,
  events: readonly LifecycleEvent[],
): string[] => {
  const ends = new Map<string, string[]>(acknowledged.map(({ id }) => [id, []]));
  for (const { jobId } of events) if (uncertain.has(jobId)) ends.set(jobId, []);
  const wrong: string[] = [];
  for (const { kind, jobId } of events) {
    if (!isEnd(kind) && kind !== 'requeued') continue;
    const known = ends.get(jobId);
    if (known) known.push(kind);
    else wrong.push(`${jobId} ${kind}, and nobody had enqueued it`);
  }
  for (const [id, kinds] of ends) {
    const requeued = kinds.filter((kind) => kind === 'requeued').length;
    const ended = kinds.length - requeued;
    if (ended === 0) wrong.push(`${id} was acknowledged, and never ended`);
    else if (ended !== requeued + 1)
      wrong.push(`${id} ended ${ended} times, requeued ${requeued} times: ${kinds.join(', ')}`);
  }
  return wrong;
};

const statusAfter: Partial<Record<LifecycleEvent['kind'], string>> = {
  finished: 'finished',
  quarantined: 'failed',
  canceled: 'canceled',
};

/** The hash says what the log says last. */
const misstated = async (
  { scene }: World,
  events: readonly LifecycleEvent[],
): Promise<string[]> => {
  const last = new Map<string, string>();
  for (const { kind, jobId } of events) if (isEnd(kind)) last.set(jobId, statusAfter[kind] ?? '');
  const entries = [...last];
  const wrong: string[] = [];
  for (let from = 0; from < entries.length; from += 1_000) {
    const part = entries.slice(from, from + 1_000);
    const batch = scene.rq.redis.pipeline();
    for (const [id] of part) batch.hget(keys.job(id), 'status');
    const replies = (await batch.exec()) ?? [];
    part.forEach(([id, expected], n) => {
      const status = replies[n]?.[1];
      if (status !== expected) wrong.push(`${id} is ${status}, and its log ends ${expected}`);
    });
  }
  return wrong;
};

/** Whatever ran is in the log: as begun, or as taken from a worker that could not say so any more. */
const untold = (ledger: readonly LedgerLine[], events: readonly LifecycleEvent[]): string[] => {
  const told = new Set(events.flatMap((event) => ('execution' in event ? [event.execution] : [])));
  return ledger
    .filter(({ execution, phase }) => phase === 'begin' && !told.has(execution))
    .map(({ id, execution }) => `${id} ran as ${execution}, of which the log tells nothing`);
};
