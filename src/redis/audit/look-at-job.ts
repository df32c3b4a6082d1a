import type { Redis } from 'ioredis';
import { keys } from '../keys.js';
import { loadScript, runScript } from '../scripts.js';
import { bytes } from './chunks.js';
import { type Clock, fieldNames, type JobView, noPlaces, registries } from './job-view.js';
import { type HashRow, leaseName, toHashView } from './survey.js';

const readPlaces = loadScript('../audit/read-places');
/** A longer list is searched so far from either end; a million are not worth holding Redis up. */
const mostOfList = 50_000;

type PlacesRow = [waiting: number, inFlight: number, leases: Buffer[], ...scores: Buffer[]];

/** One job at one moment: its hash, and its places in the given queues. */
export const lookAtJob = async (
  redis: Redis,
  id: string,
  queues: readonly string[],
  graceMs: number,
): Promise<{ view: JobView; clock: Clock }> => {
  const queueKeys = queues.flatMap((queue) => [
    keys.queue(queue),
    keys.intermediate(queue),
    keys.wip(queue),
    ...registries.map((registry) => keys[registry](queue)),
    keys.leases(queue),
  ]);
  const names = [keys.job(id), keys.failedQueue].map(bytes);
  const args = [
    bytes(id),
    mostOfList,
    ...names,
    fieldNames.length,
    ...fieldNames,
    ...queueKeys.map(bytes),
  ];
  const [seconds, micros, hash, inFailedQueue, ...rows] = (await runScript(
    redis,
    readPlaces,
    [],
    args,
  )) as [Buffer, Buffer, HashRow, number, ...PlacesRow[]];
  const view: JobView = { id, hash: toHashView(hash), ...noPlaces(), inFailedQueue };
  const workerLeases = new Map<string, number>();
  rows.forEach(([waiting, inFlight, leases, ...scores], at) => {
    const queue = queues[at] as string;
    for (let n = 0; n < waiting; n++) view.waiting.push(queue);
    if (inFlight > 0) view.inFlight.push(queue);
    const texts = leases.map((text) => text.toString('latin1'));
    for (let n = 0; n + 2 < texts.length; n += 3) {
      const [member, score, workerLease] = texts.slice(n, n + 3) as [string, string, string];
      const execution = member.slice(id.length + 1);
      view.leases.push({ queue, execution, member, score });
      if (workerLease !== '') workerLeases.set(leaseName(queue, execution), Number(workerLease));
    }
    registries.forEach((registry, n) => {
      const score = String(scores[n]);
      if (score !== '') view.registered.push({ registry, queue, score });
    });
  });
  const nowMs = Number(String(seconds)) * 1000 + Number(String(micros)) / 1000;
  const workerLease = (queue: string, execution: string): number | undefined =>
    workerLeases.get(leaseName(queue, execution));
  return { view, clock: { nowMs, graceMs, workerLease } };
};
