import type { Redis } from 'ioredis';
import { audit } from '../audit/audit.js';
import { spaceOf } from '../scan.js';
import type { WireSettings } from '../transitions/queue-keys.js';
import { judgeDefaultUser, readDefaultUser } from './default-user.js';
import type { Diagnosis } from './finding.js';
import { judgeFleet } from './judge-fleet.js';
import { judgeKeeping } from './judge-keeping.js';
import { judgeAudit, judgeKeys } from './judge-keys.js';
import { judgeServer } from './judge-server.js';
import { judgeTypes } from './judge-types.js';
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
  const denied = await deniedCommands(redis);
  // Without these there is nothing to go by.
  if (denied.includes('INFO') || denied.includes('TIME'))
    return [judgeRights(denied, spaceOf(redis))];
  const server = await readServer(redis);
  const ofServer = judgeServer(server);
  const mode = ofServer.find(({ check }) => check === 'redis-mode');
  if (server.info.redis_mode === 'sentinel' && mode) return [mode];
  const found = [
    ...ofServer,
    ...judgeKeeping(server),
    ...judgeDefaultUser(await readDefaultUser(redis), server.info),
    judgeRights(denied, spaceOf(redis)),
    judgeSlowRuns(await slowRuns(redis)),
  ];
  // Keys of a cluster lie elsewhere, in part.
  if (mode?.level === 'problem') return found;
  try {
    const odd: string[] = [];
    const fleet = await readFleet(redis, ({ message }) => odd.push(message));
    found.push(...judgeFleet(fleet), judgeTypes(odd));
    if (keys) found.push(...(await examineKeys(redis, wire, intervalMs)));
  } catch (error) {
    // Told already, by the rights that are missing.
    if (denied.length === 0 || !/^NOPERM/.test((error as Error).message)) throw error;
  }
  return found;
};

const examineKeys = async (
  redis: Redis,
  wire: WireSettings,
  intervalMs: number,
): Promise<Diagnosis[]> => {
  const { reading, survey } = await readKeys(redis);
  const { findings } = await audit(redis, wire, { intervalMs }, survey);
  return [...judgeKeys(reading), ...judgeAudit(findings)];
};
