import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { afterwardsFields, readAfterwards } from '../../src/redis/afterwards.js';
import { listCronSchedulers } from '../../src/redis/cron-records.js';
import { parseDuration } from '../../src/redis/duration.js';
import { readJobRecord } from '../../src/redis/job-record.js';
import { parseCursor, unfoldEntry } from '../../src/redis/lifecycle-event.js';
import { checkGroupName, checkJobId, checkQueueName } from '../../src/redis/names.js';
import {
  decodeCall,
  decodeExcInfo,
  decodeExcString,
  decodeMeta,
  decodeResultReturnValue,
  decodeValue,
  UndecodablePayloadError,
} from '../../src/redis/payload/index.js';
import { fromTimestamp } from '../../src/redis/timestamp.js';
import { decodeWebhooks } from '../../src/redis/webhooks.js';
import { parseCommand, UnknownCommandError } from '../../src/redis/worker-command.js';
import { refuse } from '../../src/redis/wrong-type.js';
import { golden, mutant, randomFrom } from './corpus.js';
import { cpuMsOf, slowMs } from './slow.js';

const decoders = [
  decodeCall,
  decodeValue,
  decodeMeta,
  decodeExcInfo,
  decodeExcString,
  decodeResultReturnValue,
];

// A long run tries far more, other ones each time; `npm run fuzz` learns from what it tried.
const mutants = Number(process.env.RXRQ_MUTANTS ?? 3_000);
const seed = process.env.RXRQ_MUTANTS
  ? Number(process.env.RXRQ_SEED ?? Date.now() % 2 ** 31)
  : 20_260_801;

describe('readers of what anybody may have written', () => {
  it(
    'S4: S5: S7: read mutants of real payloads, or throw their own error, soon',
    () => {
      const random = randomFrom(seed);
      const before = Reflect.ownKeys(Object.prototype);
      const read = [0, 0];
      for (let n = 0; n < mutants; n++) {
        const bytes = mutant(random, golden);
        for (const decode of decoders) {
          let refused = 0;
          const tookMs = cpuMsOf(() => {
            refused = 0;
            try {
              decode(bytes);
            } catch (error) {
              if (!(error instanceof UndecodablePayloadError))
                throw new Error(`seed ${seed}: ${decode.name} of ${bytes.toString('hex')}`, {
                  cause: error,
                });
              refused = 1;
            }
          });
          read[refused] = (read[refused] as number) + 1;
          if (tookMs > slowMs) throw new Error(`${tookMs} ms for ${bytes.toString('hex')}`);
        }
      }
      // Neither a corpus that nothing reads nor one that everything does would show much.
      for (const count of read) expect(count).toBeGreaterThan(mutants / 4);
      expect(Reflect.ownKeys(Object.prototype)).toEqual(before);
    },
    20_000 + mutants * 10,
  );

  it('S2: a job of any fields is a record or none, with the reasons', () => {
    const names = fc.constantFrom(
      ...[
        'data',
        'status',
        'meta',
        'timeout',
        'ttl',
        'created_at',
        'dependency_ids',
        'result',
        'exc_info',
      ],
      ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'retries_left', 'group_id'],
      ...afterwardsFields,
    );
    const texts = fc.constantFrom(
      ...[
        '',
        'null',
        '[]',
        '{}',
        '[1',
        '-1',
        'NaN',
        '9'.repeat(400),
        '[{"url":"x"}]',
        '{"success":[1]}',
        '\u0000',
        'queued',
      ],
    );
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array)),
      texts.map((text) => Buffer.from(text)),
      fc.constantFrom(...golden),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(names, bytes), { maxLength: 12 }), (fields) => {
        const hash = new Map(fields);
        const record = readJobRecord('j', hash);
        expect(record === null).toBe(!hash.has('data'));
        if (record?.call === null) expect(record.problems.join()).toContain('data: ');
        readAfterwards(afterwardsFields.map((field) => hash.get(field) ?? null));
        expect(({} as { x?: unknown }).x).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });

  it('S19: a command is one that is known, or an error that says so', () => {
    const words = fc.constantFrom(
      'shutdown',
      'kill-horse',
      'stop-job',
      'stop-execution',
      'rxrq-ping',
      '__proto__',
      'x',
    );
    const object = fc.record(
      {
        command: fc.oneof(words, fc.jsonValue()),
        job_id: fc.jsonValue(),
        execution_id: fc.jsonValue(),
        rxrq_id: fc.oneof(
          fc.constantFrom('an-id_1', '', 'a b', '../x', 'a:b', 'x'.repeat(65), '\n'),
          fc.jsonValue(),
        ),
      },
      { requiredKeys: [] },
    );
    const text = fc.oneof(
      object.map((value) => JSON.stringify(value)),
      fc.string(),
      fc.json(),
    );
    fc.assert(
      fc.property(text, (given) => {
        try {
          const { command, id } = parseCommand(given);
          expect([
            'shutdown',
            'kill-horse',
            'stop-job',
            'stop-execution',
            'rxrq-look',
            'rxrq-ping',
          ]).toContain(command.command);
          if (id !== null) expect(id).toMatch(/^[\w-]{1,64}$/);
        } catch (error) {
          expect(error).toBeInstanceOf(UnknownCommandError);
          expect((error as Error).message.length).toBeLessThan(1_500);
        }
      }),
      { numRuns: 500 },
    );
    const long = `{"command":"shutdown","x":"${'y'.repeat(5_000)}"}`;
    expect(() => parseCommand(long)).toThrow(UnknownCommandError);
  });

  it('S2: an entry of the log is events or nothing', () => {
    const fields = fc.constantFrom(
      'enqueued',
      'started',
      'finished',
      'failed',
      'retried',
      'log',
      'q',
      '__proto__',
    );
    const values = fc.oneof(
      fc.string(),
      fc.json(),
      fc.constantFrom('a b', 'a b 1', '[{"jobId":"j","__proto__":{"x":1}}]'),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fields, values), { maxLength: 6 }), (pairs) => {
        const flat = pairs.flat();
        for (const event of unfoldEntry('q', '1-1', flat)) {
          expect(typeof event.kind).toBe('string');
          expect(parseCursor(event.cursor)).not.toBeNull();
        }
        expect(({} as { x?: unknown }).x).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });

  it('S10: the record of a cron process is listed or passed over', async () => {
    const value = fc.oneof(
      fc.constant(null),
      fc.string(),
      fc.json(),
      fc.constantFrom('[null,{"name":{}}]', '[{"name":"a","next_enqueue_time":[]}]'),
    );
    const hash = fc.tuple(value, value, value, value, value);
    await fc.assert(
      fc.asyncProperty(hash, async (values) => {
        const redis = {
          time: async () => ['1', '0'],
          zrangebyscore: async () => ['c', '1'],
          hmget: async () => values,
        };
        const found = await listCronSchedulers(redis as never, refuse);
        expect(found.length).toBeLessThanOrEqual(1);
      }),
      { numRuns: 300 },
    );
  });

  it('S9: no text makes a parser slow', () => {
    const pieces = [
      'a',
      ' ',
      '0',
      '-',
      '.',
      '1-',
      'a.',
      '{"',
      '[',
      '\\u',
      'T0',
      ':',
      '%',
      '=',
      '"\\',
      '\ud800',
    ];
    const parsers: Array<(text: string) => unknown> = [
      checkJobId,
      checkQueueName,
      checkGroupName,
      parseDuration,
      fromTimestamp,
      parseCursor,
      parseCommand,
      decodeWebhooks,
      (text) => decodeValue(Buffer.from(text)),
      (text) => decodeResultReturnValue(text),
    ];
    for (const piece of pieces) {
      const text = piece.repeat(100_000 / piece.length);
      for (const hostile of [text, `${text}!`, `"${text}`, `1${text}Z`]) {
        for (const parse of parsers) {
          const tookMs = cpuMsOf(() => {
            try {
              parse(hostile);
            } catch (error) {
              expect(error).toBeInstanceOf(Error);
            }
          });
          expect(tookMs).toBeLessThan(slowMs);
        }
      }
    }
  }, 30_000);
});
