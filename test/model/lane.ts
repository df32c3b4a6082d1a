import type { Redis } from 'ioredis';
import { openCommandConnection } from '../../src/redis/connection.js';
import { planWire, type WireSettings } from '../../src/redis/transitions/queue-keys.js';

export type Content =
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'list' | 'set'; readonly items: readonly string[] }
  | { readonly kind: 'hash' | 'zset'; readonly pairs: ReadonlyMap<string, string> }
  | { readonly kind: 'stream'; readonly entries: ReadonlyArray<readonly [string, string[]]> };

/** What a look at the database says; of streams only the entries that are new. */
export class View {
  constructor(
    readonly keys: ReadonlyMap<string, Content>,
    readonly expiring: ReadonlySet<string>,
  ) {}

  items(key: string): readonly string[] {
    const content = this.keys.get(key);
    return content?.kind === 'list' || content?.kind === 'set' ? content.items : [];
  }

  pairs(key: string): ReadonlyMap<string, string> {
    const content = this.keys.get(key);
    return content?.kind === 'hash' || content?.kind === 'zset' ? content.pairs : new Map();
  }

  entries(key: string): ReadonlyArray<readonly [string, string[]]> {
    const content = this.keys.get(key);
    return content?.kind === 'stream' ? content.entries : [];
  }
}

// States are kept in a database of their own on the same server: nothing of them travels.
const keptIn = 15;

const keep = `
local rows = {}
for i, key in ipairs(redis.call('KEYS', '*')) do rows[i] = { key, math.max(0, redis.call('PTTL', key)), redis.call('DUMP', key) } end
redis.call('SELECT', ${keptIn})
for _, row in ipairs(rows) do redis.call('RPUSH', KEYS[1], row[1], row[2], row[3]) end`;

const take = `
redis.call('FLUSHDB')
redis.call('SELECT', ${keptIn})
local kept = redis.call('LRANGE', KEYS[1], 0, -1)
redis.call('SELECT', ARGV[1])
for i = 1, #kept, 3 do redis.call('RESTORE', kept[i], kept[i + 1], kept[i + 2]) end`;

const forget = `
redis.call('SELECT', ${keptIn})
redis.call('DEL', KEYS[1])`;

const look = `
local rows = {}
local reads = {
  string = function(key) return { redis.call('GET', key) } end,
  list = function(key) return redis.call('LRANGE', key, 0, -1) end,
  set = function(key) return redis.call('SMEMBERS', key) end,
  hash = function(key) return redis.call('HGETALL', key) end,
  zset = function(key) return redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') end,
  stream = function(key) return redis.call('XRANGE', key, ARGV[1], '+') end,
}
for i, key in ipairs(redis.call('KEYS', '*')) do
  local kind = redis.call('TYPE', key).ok
  rows[i] = { key, kind, math.max(0, redis.call('PTTL', key)), reads[kind](key) }
end
return rows`;

type Row = [Buffer, Buffer, number, Array<Buffer | [Buffer, Buffer[]]>];

/** A database in which one state after the other is taken up, changed, and looked at. */
export class Lane {
  readonly redis: Redis;
  readonly settings: WireSettings;

  constructor(
    url: string,
    private readonly database: number,
  ) {
    this.redis = openCommandConnection(`${url}/${database}`);
    // The model's time passes by its own steps: no lease ends while it is explored.
    const weekSeconds = 604_800;
    const leases = { narrowLeaseMs: weekSeconds * 1_000, wideLeaseSeconds: weekSeconds };
    this.settings = planWire({ ...leases, eventLogLength: 100_000 });
  }

  /** Keeps what is there under a number. */
  async keep(state: number): Promise<void> {
    await this.redis.eval(keep, 1, `state:${state}`);
  }

  /** Puts what was kept in the place of what is there. */
  async take(state: number): Promise<void> {
    await this.redis.eval(take, 1, `state:${state}`, this.database);
  }

  async forget(state: number): Promise<void> {
    await this.redis.eval(forget, 1, `state:${state}`);
  }

  /** What is there, and of streams what came after the entry. */
  async look(afterEntry: string): Promise<View> {
    const rows = (await this.redis.callBuffer('EVAL', look, 0, afterEntry)) as Row[];
    rows.sort(([one], [other]) => Buffer.compare(one, other));
    const expiring = rows.filter(([, , ttl]) => ttl > 0).map(([key]) => String(key));
    return new View(
      new Map(rows.map((row) => [String(row[0]), contentOf(row)])),
      new Set(expiring),
    );
  }

  close(): void {
    this.redis.disconnect();
  }
}

const contentOf = ([, type, , value]: Row): Content => {
  const kind = String(type);
  if (kind === 'stream') {
    const entries = (value as Array<[Buffer, Buffer[]]>).map(
      ([id, fields]) => [String(id), fields.map(String)] as const,
    );
    return { kind, entries };
  }
  const texts = (value as Buffer[]).map((bytes) => bytes.toString('latin1'));
  if (kind === 'string') return { kind, text: texts[0] ?? '' };
  if (kind === 'list') return { kind, items: texts };
  if (kind === 'set') return { kind, items: texts.sort() };
  const pairs = texts.flatMap((text, at) =>
    at % 2 === 0 ? [[text, texts[at + 1] ?? ''] as const] : [],
  );
  return { kind: kind as 'hash' | 'zset', pairs: new Map(pairs.sort(byName)) };
};

const byName = ([one]: readonly [string, string], [other]: readonly [string, string]): number =>
  one < other ? -1 : 1;
