import { type Diagnosis, fine } from './finding.js';
import type { ServerFacts } from './read-server.js';

/** Whether Redis keeps what it was given: through a restart, and when memory is short. Pure. */
export const judgeKeeping = (facts: ServerFacts): Diagnosis[] => [
  ...judgeDurability(facts),
  judgeMemory(facts),
];

/** Whether what was acknowledged stays, as far as the settings go. Pure. */
export const judgeDurability = (facts: ServerFacts): Diagnosis[] => [
  judgePersistence(facts),
  judgeEviction(facts),
];

const number = (text: string | undefined): number => Number(text ?? Number.NaN);

const judgePersistence = ({ info, config }: ServerFacts): Diagnosis => {
  const check = 'persistence';
  const failed = [
    info.rdb_last_bgsave_status === 'err' && 'the last snapshot (RDB)',
    info.aof_enabled === '1' &&
      info.aof_last_write_status === 'err' &&
      'the last write of the log (AOF)',
    info.aof_enabled === '1' &&
      info.aof_last_bgrewrite_status === 'err' &&
      'the last rewrite of the log (AOF)',
  ].filter((what) => what !== false);
  if (info.loading === '1')
    return {
      check,
      level: 'problem',
      what: 'Redis is loading its data',
      why: 'until it is done it answers nothing',
      remedy: 'wait',
    };
  if (failed.length > 0)
    return {
      check,
      level: 'problem',
      what: `${failed.join(' and ')} failed`,
      why: 'Redis may refuse every write until it works, and a restart loses what was not saved',
      remedy: "look into Redis' log: mostly the disk is full, or fork has no memory",
    };
  const hasLog = info.aof_enabled === '1';
  const hasSnapshots = config === null ? null : (config.save ?? '') !== '';
  if (hasLog && config?.appendfsync === 'no')
    return {
      check,
      level: 'note',
      what: 'AOF, without fsync',
      why: 'when the machine fails, up to half a minute of moves is forgotten',
      remedy: 'CONFIG SET appendfsync everysec',
    };
  if (hasLog) return fine(check, 'AOF');
  if (hasSnapshots === null)
    return {
      check,
      level: 'note',
      what: 'AOF is off; CONFIG may not be read, so that snapshots are unknown',
      why: 'a crash of Redis takes all jobs since the last snapshot with it, or all of them',
      remedy: 'turn AOF on, or ask whoever runs this Redis, where jobs must not be lost',
    };
  const since = number(info.rdb_changes_since_last_save);
  return hasSnapshots
    ? {
        check,
        level: 'note',
        what: `snapshots only (${config?.save}); ${since} changes since the last`,
        why: 'a crash of Redis takes all jobs and moves since the last snapshot with it',
        remedy: 'CONFIG SET appendonly yes, where jobs must not be lost',
      }
    : {
        check,
        level: 'warning',
        what: 'neither AOF nor snapshots',
        why: 'a restart of Redis forgets every job',
        remedy: 'CONFIG SET appendonly yes, unless jobs may be lost',
      };
};

const judgeEviction = ({ info }: ServerFacts): Diagnosis => {
  const check = 'eviction';
  const { maxmemory_policy: policy = 'noeviction' } = info;
  const evicted = number(info.evicted_keys);
  const remedy = 'CONFIG SET maxmemory-policy noeviction, and a Redis of its own for caches';
  if (evicted > 0 && policy !== 'noeviction')
    return {
      check,
      level: 'problem',
      what: `${policy}, and ${evicted} keys were evicted already`,
      why: 'jobs, results and leases may be among them: such jobs are lost without a trace',
      remedy,
    };
  if (policy === 'noeviction') return fine(check, 'noeviction');
  const isLimited = number(info.maxmemory) > 0;
  const isVolatile = policy.startsWith('volatile');
  return {
    check,
    level: !isLimited ? 'note' : isVolatile ? 'warning' : 'problem',
    what: `${policy}, ${isLimited ? 'and memory has a limit' : 'without effect while memory has no limit'}`,
    why: isVolatile
      ? 'Redis then deletes what has a time to live: results, failed jobs, and records of living workers'
      : 'Redis then deletes jobs and whole queues when memory is short, instead of refusing new ones',
    remedy,
  };
};

const mib = (bytes: number): string => `${Math.round(bytes / 1_048_576)} MiB`;

const judgeMemory = ({ info }: ServerFacts): Diagnosis => {
  const check = 'memory';
  const [used, limit, machine] = [info.used_memory, info.maxmemory, info.total_system_memory].map(
    number,
  ) as [number, number, number];
  const isLimited = limit > 0;
  const most = isLimited ? limit : machine;
  const share = used / most;
  const what = `${mib(used)} of ${mib(most)}${isLimited ? '' : ' of the machine, without a limit'}`;
  if (!(share > 0.75)) return fine(check, what);
  return {
    check,
    level: share > 0.9 ? 'problem' : 'warning',
    what: `${what} (${Math.round(share * 100)} %)`,
    why: isLimited
      ? 'at the limit nothing can be enqueued any more; jobs that run can still be settled'
      : 'the kernel kills Redis when the machine has no more; snapshots may need as much again',
    remedy: 'shorter --result-ttl and --failure-ttl, more memory, or fewer waiting jobs',
  };
};
