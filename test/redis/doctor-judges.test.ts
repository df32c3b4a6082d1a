import { describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import type { Finding } from '../../src/redis/audit/finding.js';
import type { Diagnosis } from '../../src/redis/doctor/finding.js';
import { worstLevel } from '../../src/redis/doctor/finding.js';
import { judgeFleet } from '../../src/redis/doctor/judge-fleet.js';
import { judgeKeeping } from '../../src/redis/doctor/judge-keeping.js';
import { judgeAudit, judgeKeys } from '../../src/redis/doctor/judge-keys.js';
import { judgeSchedulers } from '../../src/redis/doctor/judge-schedulers.js';
import { judgeServer } from '../../src/redis/doctor/judge-server.js';
import type { FleetReading, QueueReading } from '../../src/redis/doctor/read-fleet.js';
import { readFacts, type ServerReading } from '../../src/redis/doctor/read-server.js';
import { judgeRights } from '../../src/redis/doctor/rights.js';
import { judgeSlowRuns } from '../../src/redis/doctor/slow-scripts.js';
import type { ListedWorker } from '../../src/redis/worker-records.js';

const wellInfo = {
  redis_version: '7.2.4',
  redis_mode: 'standalone',
  role: 'master',
  connected_slaves: '0',
  connected_clients: '10',
  maxclients: '10000',
  aof_enabled: '1',
  aof_last_write_status: 'ok',
  aof_last_bgrewrite_status: 'ok',
  rdb_last_bgsave_status: 'ok',
  loading: '0',
  maxmemory: '0',
  maxmemory_policy: 'noeviction',
  evicted_keys: '0',
  used_memory: '1000000',
  total_system_memory: '1000000000',
};
const wellConfig = {
  save: '',
  appendfsync: 'everysec',
  timeout: '0',
  'tcp-keepalive': '300',
  'hash-max-listpack-value': '1024',
  'hash-max-listpack-entries': '128',
};

const server = (
  info: Record<string, string> = {},
  config: Record<string, string> | null = {},
  clock: Partial<ServerReading> = {},
): ServerReading => ({
  info: { ...wellInfo, ...info },
  config: config && { ...wellConfig, ...config },
  skewMs: 0,
  roundTripMs: 1,
  ...clock,
});

const bad = (found: readonly Diagnosis[]): string[] =>
  found.filter(({ level }) => level !== 'ok').map(({ check, level }) => `${check} ${level}`);

const judge = (reading: ServerReading): string[] =>
  bad([...judgeServer(reading), ...judgeKeeping(reading)]);

describe('a server', () => {
  it('that is well has nothing but fine', () => {
    expect(judge(server())).toEqual([]);
    // Hosted ones let nobody read CONFIG.
    expect(judge(server({}, null))).toEqual([]);
    expect(judge(server({ server_name: 'valkey', valkey_version: '8.1.0' }))).toEqual([]);
  });

  it.each<[string, ServerReading, string]>([
    ['an old Redis', server({ redis_version: '6.0.16' }), 'redis-version problem'],
    ['6.2', server({ redis_version: '6.2.0' }), ''],
    ['a cluster', server({ redis_mode: 'cluster', cluster_enabled: '1' }), 'redis-mode problem'],
    ['a sentinel', server({ redis_mode: 'sentinel' }), 'redis-mode problem'],
    ['a replica', server({ role: 'slave', master_host: 'a' }), 'redis-role problem'],
    ['a primary with replicas', server({ connected_slaves: '2' }), 'redis-role note'],
    ['nearly all clients', server({ connected_clients: '9000' }), 'connections warning'],
    ['an idle timeout', server({}, { timeout: '300' }), 'connections note'],
    ['no keepalive', server({}, { 'tcp-keepalive': '0' }), 'connections note'],
    ['small hashes', server({}, { 'hash-max-listpack-value': '64' }), 'job-hashes note'],
    ['a clock 0.9 s off', server({}, {}, { skewMs: -900 }), ''],
    ['a clock 2 s off', server({}, {}, { skewMs: -2_000 }), 'clock note'],
    ['a clock 6 s off', server({}, {}, { skewMs: 6_000 }), 'clock warning'],
    ['a clock a minute off', server({}, {}, { skewMs: 60_000 }), 'clock problem'],
    ['a slow network', server({}, {}, { skewMs: 2_000, roundTripMs: 3_000 }), ''],
    ['a failed snapshot', server({ rdb_last_bgsave_status: 'err' }), 'persistence problem'],
    ['a failed log', server({ aof_last_write_status: 'err' }), 'persistence problem'],
    ['a failed rewrite', server({ aof_last_bgrewrite_status: 'err' }), 'persistence problem'],
    ['loading', server({ loading: '1' }), 'persistence problem'],
    ['nothing kept', server({ aof_enabled: '0' }), 'persistence warning'],
    ['snapshots only', server({ aof_enabled: '0' }, { save: '3600 1' }), 'persistence note'],
    ['no fsync', server({}, { appendfsync: 'no' }), 'persistence note'],
    ['eviction without a limit', server({ maxmemory_policy: 'allkeys-lru' }), 'eviction note'],
    [
      'eviction of all keys',
      server({ maxmemory_policy: 'allkeys-lru', maxmemory: '1000000000' }),
      'eviction problem',
    ],
    [
      'eviction of what expires',
      server({ maxmemory_policy: 'volatile-ttl', maxmemory: '1000000000' }),
      'eviction warning',
    ],
    [
      'eviction that happened',
      server({ maxmemory_policy: 'volatile-ttl', evicted_keys: '3' }),
      'eviction problem',
    ],
    ['memory at 80 %', server({ maxmemory: '1250000' }), 'memory warning'],
    ['memory at 95 %', server({ maxmemory: '1050000' }), 'memory problem'],
    ['a full machine', server({ total_system_memory: '1200000' }), 'memory warning'],
  ])('%s', (_, reading, expected) => {
    expect(judge(reading)).toEqual(expected === '' ? [] : [expected]);
  });

  it('never says anything bad without why and what to do', () => {
    const all = [
      server(
        {
          redis_mode: 'cluster',
          role: 'slave',
          master_host: 'a',
          master_port: '1',
          loading: '1',
          maxmemory: '1',
        },
        { timeout: '1' },
      ),
      server({ aof_enabled: '0', maxmemory_policy: 'allkeys-lru' }, {}, { skewMs: 9e5 }),
    ].flatMap((reading) => [...judgeServer(reading), ...judgeKeeping(reading)]);
    for (const { level, what, why, remedy } of all) {
      expect(what).not.toMatch(/undefined|NaN|null/);
      if (level !== 'ok')
        expect([why, remedy]).toEqual([expect.stringMatching(/../), expect.stringMatching(/../)]);
    }
    expect(worstLevel(all)).toBe('problem');
    expect(worstLevel([])).toBe('ok');
  });

  it('rights and slow scripts', () => {
    expect(bad([judgeRights([]), judgeSlowRuns([]), judgeSlowRuns(null)])).toEqual([]);
    expect(judgeRights(['HSET (keys)', 'EVALSHA'])).toMatchObject({
      level: 'problem',
      what: 'refused: HSET (keys) EVALSHA',
    });
    const run = (tookMs: number) => judgeSlowRuns([{ script: 'enqueue', tookMs }]).level;
    expect([run(20), run(60), run(600)]).toEqual(['ok', 'note', 'warning']);
  });
});

const worker = (options: Partial<ListedWorker> = {}): ListedWorker => ({
  name: 'w1',
  queues: ['default'],
  state: 'idle',
  hostname: 'h',
  ipAddress: '',
  pid: 1,
  version: 'rxrq',
  birth: new Date(0),
  lastHeartbeat: new Date(1_000_000),
  currentJobId: null,
  finishedJobs: 0,
  failedJobs: 0,
  workingSeconds: 0,
  ...options,
});

const queue = (options: Partial<QueueReading> = {}): QueueReading => ({
  name: 'default',
  queued: 0,
  scheduled: 0,
  overdue: 0,
  canceled: 0,
  isPaused: false,
  lock: null,
  ...options,
});

const fleet = (options: Partial<FleetReading> = {}): FleetReading => ({
  nowMs: 1_000_000,
  workers: [worker()],
  queues: [queue()],
  suspendedSeconds: null,
  isFailedAQueue: false,
  failedListType: 'none',
  rateLimits: 0,
  startLimits: [],
  ...options,
});

const lock = { value: '123', expiresInMs: 50_000, holder: null };

describe('a fleet', () => {
  const py = (version: string, name = version) => worker({ version, name });

  it.each<[string, FleetReading, string]>([
    ['that is well', fleet({ failedListType: 'list', queues: [queue({ queued: 3 })] }), ''],
    ['RQ 2.12 beside us', fleet({ workers: [worker(), py('2.12.0')] }), ''],
    ['RQ 1.16 alone', fleet({ workers: [py('1.16.2')] }), ''],
    ['RQ 1.16 beside us', fleet({ workers: [worker(), py('1.16.2')] }), 'versions warning'],
    ['RQ 1.16 beside 2.12', fleet({ workers: [py('2.12.0'), py('1.16.2')] }), 'versions warning'],
    ['RQ 0.13', fleet({ workers: [py('0.13.0')] }), 'versions warning'],
    ['RQ 2.6', fleet({ workers: [py('2.6.1')] }), 'versions note'],
    ['RQ 3.0', fleet({ workers: [py('3.0.0')] }), 'versions note'],
    ['a version that is none', fleet({ workers: [worker(), py('')] }), ''],
    ['no workers', fleet({ workers: [] }), 'workers note'],
    ['a silent worker', fleet({ nowMs: 2_000_000 }), 'workers warning'],
    ['no heartbeat at all', fleet({ workers: [worker({ lastHeartbeat: null })] }), ''],
    [
      'jobs nobody waits for',
      fleet({ queues: [queue({ name: 'x', queued: 2 })] }),
      'waiting-jobs warning',
    ],
    [
      'rate limits beside RQ 2',
      fleet({ rateLimits: 2, workers: [worker(), py('2.12.0')] }),
      'limits note',
    ],
    [
      'rate limits beside RQ 3',
      fleet({ rateLimits: 2, workers: [worker(), py('3.0.0')] }),
      'versions note',
    ],
    [
      'a limited queue that Python serves',
      fleet({ startLimits: ['default'], workers: [worker(), py('2.12.0')] }),
      'limits warning',
    ],
    ['a limited queue of ours', fleet({ startLimits: ['default'], workers: [worker()] }), ''],
    ['paused', fleet({ queues: [queue({ isPaused: true })] }), 'suspension note'],
    ['suspended', fleet({ suspendedSeconds: -1 }), 'suspension warning'],
    [
      'a worker of "failed"',
      fleet({ workers: [worker({ queues: ['default', 'failed'] })] }),
      'failed-queue problem',
    ],
    ['"failed" as a queue', fleet({ isFailedAQueue: true }), 'failed-queue warning'],
    ['"failed" as something else', fleet({ failedListType: 'zset' }), 'failed-queue problem'],
    ['many canceled', fleet({ queues: [queue({ canceled: 20_000 })] }), 'canceled-jobs note'],
    ['scheduled, and nobody', fleet({ queues: [queue({ scheduled: 1 })] }), 'schedulers warning'],
  ])('%s', (_, reading, expected) => {
    const found = judgeFleet(reading);
    expect(bad(found)).toEqual(expected === '' ? [] : [expected]);
    for (const { what } of found) expect(what).not.toMatch(/undefined|NaN|null/);
  });

  it('tells who schedules', () => {
    const of = (...queues: QueueReading[]) => judgeSchedulers(queues);
    expect(of(queue({ lock: { ...lock, holder: 'h 7' } })).what).toBe('served: default by h 7');
    expect(of(queue({ scheduled: 1, lock }))).toMatchObject({
      level: 'ok',
      what: 'served: default by 123',
    });
    expect(of(queue({ scheduled: 2, overdue: 1, lock })).level).toBe('warning');
    expect(of(queue({ scheduled: 2, overdue: 1 }))).toMatchObject({ level: 'problem' });
    expect(of(queue({ lock: { ...lock, expiresInMs: -1 } }))).toMatchObject({
      level: 'problem',
      what: "the scheduler's lock never expires: default",
    });
  });

  it('takes a silent worker for no listener', () => {
    const of = (...workers: ListedWorker[]) =>
      bad(judgeFleet(fleet({ nowMs: 2_000_000, queues: [queue({ queued: 1 })], workers })));
    const awake = worker({ name: 'awake', lastHeartbeat: new Date(1_999_000) });
    expect(of(worker())).toEqual(['workers warning', 'waiting-jobs warning']);
    expect(of(worker(), awake)).toEqual(['workers warning']);
    expect(of(worker({ lastHeartbeat: null }))).toEqual([]);
  });

  it('names some of many', () => {
    const queues = Array.from({ length: 8 }, (_, n) => queue({ name: `q${n}`, queued: 1 }));
    const [said] = judgeFleet(fleet({ queues })).filter(({ check }) => check === 'waiting-jobs');
    expect(said?.what).toBe('8 jobs wait where no worker listens: q0, q1, q2, q3, q4 and 3 more');
  });
});

describe('keys', () => {
  const reading = { bareLeases: 0, results: 4, endlessResults: { ofJobs: 0, ofNobody: 0 } };

  it('leases of RQ 1, results without an end', () => {
    expect(bad(judgeKeys(reading))).toEqual([]);
    expect(bad(judgeKeys({ ...reading, bareLeases: 2 }))).toEqual(['old-leases note']);
    const endless = (ofJobs: number, ofNobody: number) =>
      bad(judgeKeys({ ...reading, endlessResults: { ofJobs, ofNobody } }));
    expect([endless(1, 0), endless(0, 1), endless(0, 5_000)]).toEqual([
      ['results note'],
      ['results note'],
      ['results warning'],
    ]);
  });

  it('gathers the findings of an audit by their kind', () => {
    const finding = (code: Finding['code'], remedy: string | null): Finding => ({
      ...{ code, remedy, jobId: 'j', queue: 'q', seen: 'seen', isCritical: false, mended: null },
    });
    expect(bad(judgeAudit([]))).toEqual([]);
    expect(judgeAudit([finding('A10', 'x'), finding('A1', null), finding('A10', 'x')])).toEqual([
      {
        check: 'jobs-parked',
        level: 'warning',
        what: '2 × A10 parked, such as job j of q: seen',
        why: 'it is in flight, and nobody claims it',
        remedy: 'rxrq audit --repair',
      },
      expect.objectContaining({
        check: 'jobs-lost',
        level: 'problem',
        remedy: 'rxrq audit lists them; look by hand',
      }),
    ]);
  });
});

it('reads what Valkey calls by another name', async () => {
  const asked = { config: () => asked, exec: async () => [[null, 'server_mode:sentinel\r\n']] };
  const valkey = { pipeline: () => ({ info: () => asked }) } as unknown as Redis;
  expect((await readFacts(valkey)).info.redis_mode).toBe('sentinel');
});
