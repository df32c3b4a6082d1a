import type { Redis } from 'ioredis';
import { audit } from '../audit/audit.js';
import type { WireSettings } from '../transitions/queue-keys.js';
import type { Diagnosis } from './finding.js';
import { judgeFleet } from './judge-fleet.js';
import { judgeKeeping } from './judge-keeping.js';
import { judgeAudit, judgeKeys } from './judge-keys.js';
import { judgeServer } from './judge-server.js';
import { readFleet, readKeys } from './read-fleet.js';
import { readServer } from './read-server.js';
import { deniedCommands, judgeRights } from './rights.js';
import { judgeSlowRuns, slowRuns } from './slow-scripts.js';

export interface DoctorOptions {
  /** Look at every key as well, and audit the jobs. Default true; it takes long where there are millions. */
  keys?: boolean;
  /** Between the two looks of the audit, in milliseconds. Default 3,000. */
  intervalMs?: number;
}

/**
 * Looks at Redis and at everybody who works on it, and says what is well and what is not. Reads only.
 *
 * @throws what Redis throws when even that is not possible
 */
export const examine = async (
  redis: Redis,
  wire: WireSettings,
  { keys = true, intervalMs = 3_000 }: DoctorOptions = {},
): Promise<Diagnosis[]> => {
  const server = await readServer(redis);
  const found = [
    ...judgeServer(server),
    ...judgeKeeping(server),
    judgeRights(await deniedCommands(redis)),
    judgeSlowRuns(await slowRuns(redis)),
  ];
  // A cluster or a sentinel has no keys to look at, and a server that refuses reading tells no more.
  if (found.some(({ check, level }) => check === 'redis-mode' && level === 'problem')) return found;
  found.push(...judgeFleet(await readFleet(redis)));
  if (!keys) return found;
  const { reading, survey } = await readKeys(redis);
  const { findings } = await audit(redis, wire, { intervalMs }, survey);
  return [...found, ...judgeKeys(reading), ...judgeAudit(findings)];
};
