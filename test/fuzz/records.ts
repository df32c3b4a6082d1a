import type { Redis } from 'ioredis';
import { afterwardsFields, readAfterwards } from '../../src/redis/afterwards.js';
import { Cipher } from '../../src/redis/cipher.js';
import { listCronSchedulers } from '../../src/redis/cron-records.js';
import { parseDuration } from '../../src/redis/duration.js';
import { InvalidOptionError } from '../../src/redis/errors.js';
import { readJobRecord } from '../../src/redis/job-record.js';
import { parseCursor, unfoldEntry } from '../../src/redis/lifecycle-event.js';
import { UndecodablePayloadError } from '../../src/redis/payload/index.js';
import { fromTimestamp } from '../../src/redis/timestamp.js';
import { decodeWebhooks } from '../../src/redis/webhooks.js';
import { parseCommand, UnknownCommandError } from '../../src/redis/worker-command.js';
import { listWorkers } from '../../src/redis/worker-records.js';
import { refuse } from '../../src/redis/wrong-type.js';

/** Fields that somebody reads, and names that reach where no field should. */
const names = [
  ...['data', 'status', 'meta', 'result', 'exc_info', 'dependency_ids', 'dependency_id', 'timeout'],
  ...['ttl', 'created_at', 'ended_at', 'retries_left', 'group_id', 'origin', 'description'],
  ...['rate_limit_key', 'rate_limit_concurrency', '__proto__', 'constructor', 'toString'],
  ...afterwardsFields,
];

const kinds = [
  ...['worker', 'enqueued', 'deferred', 'started', 'finished', 'failed', 'retried', 'lost'],
  ...['progressed', 'logged', 'recovered', 'handedBack', 'scheduled', 'released', '__proto__'],
];

const cipher = new Cipher({ keys: { k: Buffer.alloc(32, 7) }, current: 'k' });

/** What may be thrown, beside which nothing is. */
const refusals = [UndecodablePayloadError, UnknownCommandError, InvalidOptionError];

/** A connection on which every hash has these values. */
const redisWith = (values: Array<string | null>): Redis =>
  ({
    time: async () => ['1', '0'],
    zrangebyscore: async () => ['c', '1'],
    smembers: async () => ['rq:worker:w', 'x'],
    hmget: async () => values,
  }) as unknown as Redis;

const text = (bytes: Buffer | undefined): string => (bytes ?? Buffer.alloc(0)).toString('utf8');
const pick = (from: readonly string[], bytes: Buffer): string =>
  from[(bytes[0] ?? 0) % from.length] as string;

/** A reader, and what it is given: pieces of the input. */
const readers: ReadonlyArray<(pieces: readonly Buffer[]) => unknown> = [
  (pieces) => {
    const hash = new Map(pieces.map((piece) => [pick(names, piece), piece.subarray(1)]));
    const record = readJobRecord('j', hash);
    if ((record === null) !== !hash.has('data'))
      throw new Error('a hash is a job if, and only if, it has data');
    if (record?.call === null && !record.problems.some((problem) => problem.startsWith('data: ')))
      throw new Error('there is no call, and nothing says why');
    readJobRecord('j', hash, cipher);
    readAfterwards(afterwardsFields.map((field) => hash.get(field) ?? null));
  },
  (pieces) => {
    const entry = pieces.flatMap((piece) => [pick(kinds, piece), text(piece.subarray(1))]);
    for (const { cursor, jobId } of unfoldEntry('q', '1-1', entry)) {
      if (parseCursor(cursor) === null || typeof jobId !== 'string')
        throw new Error(`an event of ${JSON.stringify(entry)} has no place or no job`);
    }
  },
  ([piece]) => parseCommand(text(piece)),
  ([piece]) => decodeWebhooks(text(piece)),
  ([first, second]) => {
    parseDuration(text(first));
    fromTimestamp(text(second));
    parseCursor(text(second));
  },
  ([first, second]) => {
    cipher.open(first ?? Buffer.alloc(0), 'j', 'data');
    cipher.openText(text(second), 'j');
  },
  (pieces) =>
    listWorkers(
      redisWith(Array.from({ length: 12 }, (_, n) => nullable(pieces[n]))),
      undefined,
      refuse,
    ),
  (pieces) =>
    listCronSchedulers(redisWith(Array.from({ length: 5 }, (_, n) => nullable(pieces[n]))), refuse),
];

const nullable = (bytes: Buffer | undefined): string | null => (bytes ? text(bytes) : null);

/** Every reader of what lies in Redis beside payloads. The first byte chooses one; 0xff parts what it is given. */
export const fuzz = async (bytes: Buffer): Promise<void> => {
  const pieces: Buffer[] = [];
  for (let from = 1; from <= bytes.length; ) {
    const end = bytes.indexOf(0xff, from);
    pieces.push(bytes.subarray(from, end < 0 ? bytes.length : end));
    from = end < 0 ? bytes.length + 1 : end + 1;
  }
  try {
    await readers[(bytes[0] ?? 0) % readers.length]?.(pieces);
  } catch (error) {
    if (!refusals.some((refusal) => error instanceof refusal)) throw error;
  }
  const { polluted } = {} as { polluted?: unknown };
  if (polluted !== undefined || Reflect.ownKeys(Object.prototype).length !== keysOfObjects)
    throw new Error('Object.prototype has changed');
};

const keysOfObjects = Reflect.ownKeys(Object.prototype).length;
