import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { perform } from '../../../src/actors/executor/perform.js';
import { serializeError } from '../../../src/actors/executor/serialize-error.js';
import { Handlers } from '../../../src/actors/handlers/handlers.js';
import { encodeCall } from '../../../src/redis/payload/call.js';
import { encodeValue } from '../../../src/redis/payload/value.js';
import { currentJob, DoNotRetryError, NoCurrentJobError, RetryError } from '../../../src/tasks.js';
import { job } from './support/lab.js';

const hooks = {
  signal: new AbortController().signal,
  deadlineMs: undefined,
  progress: () => undefined,
  log: () => undefined,
  saveMeta: () => undefined,
};

const handlersOf = (named: Record<string, (...args: never[]) => unknown>) =>
  new Handlers(
    Object.entries(named).map(([name, handler]) => ({
      name: `jobs.${name}`,
      handler: handler as (...args: unknown[]) => unknown,
      origin: 'this test',
    })),
  );

const run = (
  handler: (...args: never[]) => unknown,
  options: { args?: unknown[]; kwargs?: Record<string, unknown> } = {},
  performOptions = {},
) =>
  perform(handlersOf({ f: handler }), job('f', options.args ?? [], options), hooks, performOptions);

describe('perform', () => {
  it('passes positional arguments, and keyword arguments as one object at the end', async () => {
    const all = (...args: unknown[]) => args;
    const given = async (options: object) => {
      const outcome = await run(all, options);
      return outcome.kind === 'returned' ? JSON.parse(String(outcome.result)) : outcome;
    };
    expect(await given({ args: [1, 'b'] })).toEqual([1, 'b']);
    expect(await given({ args: [1], kwargs: { b: 3 } })).toEqual([1, { b: 3 }]);
    expect(await given({ kwargs: { b: 3 } })).toEqual([{ b: 3 }]);
  });

  it('answers in the serializer of the question', async () => {
    const call = { functionName: 'jobs.f', instance: null, args: [], kwargs: {} };
    const pickled = { ...job('f'), data: encodeCall(call, 'pickle') };
    const outcome = await perform(handlersOf({ f: () => ({ a: 1 }) }), pickled, hooks);
    expect(outcome).toEqual({ kind: 'returned', result: encodeValue({ a: 1 }, 'pickle') });
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['noise', Buffer.from([1, 2, 3])],
    ['three elements', Buffer.from('["jobs.f", null, []]')],
    ['no name', Buffer.from('[1, null, [], {}]')],
  ])('says what it cannot read: %s', async (_, data) => {
    const outcome = await perform(handlersOf({}), { ...job('f'), data }, hooks);
    expect(outcome).toEqual({ kind: 'undecodable', cause: expect.stringContaining('undecodable') });
  });

  it('leaves a bound method to Python, and an empty instance alone', async () => {
    const handlers = handlersOf({ f: () => 1 });
    const bound = (instance: unknown) => ({
      ...job('f'),
      data: Buffer.from(JSON.stringify(['jobs.f', instance, [], {}])),
    });
    const unknown = { kind: 'unknownHandler', functionName: 'jobs.f' };
    expect(await perform(handlers, bound('abc'), hooks)).toEqual(unknown);
    expect(await perform(handlers, bound({ a: 1 }), hooks)).toEqual(unknown);
    expect(await perform(handlers, bound({}), hooks)).toMatchObject({ kind: 'returned' });
    expect(await perform(handlers, bound(''), hooks)).toMatchObject({ kind: 'returned' });
  });

  it('keeps a hundred jobs apart in one process', async () => {
    const handlers = handlersOf({
      f: async (ms: number) => {
        const before = currentJob().id;
        await new Promise((resolve) => setTimeout(resolve, ms));
        return before === currentJob().id ? before : 'mixed up';
      },
    });
    const jobs = Array.from({ length: 100 }, (_, i) => job('f', [i % 7]));
    const outcomes = await Promise.all(jobs.map((given) => perform(handlers, given, hooks)));
    expect(outcomes).toEqual(
      jobs.map(({ jobId }) => ({ kind: 'returned', result: Buffer.from(JSON.stringify(jobId)) })),
    );
    expect(() => currentJob()).toThrow(NoCurrentJobError);
  });

  it('wraps the call, and takes the wrapper’s failure for the job’s', async () => {
    const seen: string[] = [];
    const runJob = (context: { id: string }, call: () => unknown) => {
      seen.push(context.id);
      return call();
    };
    expect(await run(() => 1, {}, { runJob })).toMatchObject({ kind: 'returned' });
    expect(seen.length).toBe(1);
    const failing = () => {
      throw new Error('no container');
    };
    expect(await run(() => 1, {}, { runJob: failing })).toMatchObject({ kind: 'threw' });
  });

  it('refuses a result over the limit, a meta over the limit and a progress that is no JSON', async () => {
    expect(await run(() => 'four', {}, { maxResultBytes: 5 })).toMatchObject({
      kind: 'threw',
      error: { message: 'jobs.f returned 6 bytes, more than the limit of 5' },
    });
    const large = () => {
      currentJob().meta.note = 'x'.repeat(70_000);
      currentJob().saveMeta();
    };
    expect(await run(large)).toMatchObject({ error: { name: 'MetaTooLargeError' } });
  });

  it('hands on what a handler asks for when it wants to run again', async () => {
    class NotYet extends RetryError {}
    const asking = (wish: ConstructorParameters<typeof RetryError>[1]) =>
      run(() => {
        throw new NotYet('not there yet', wish);
      });
    expect(await asking({ max: 3, intervalsSeconds: [1, 60] })).toMatchObject({
      kind: 'threw',
      error: { name: 'RetryError', message: 'not there yet' },
      retryable: true,
      retryAsked: { max: 3, intervalsSeconds: [1, 60] },
    });
    expect(await asking({ max: 1 })).toMatchObject({
      retryAsked: { max: 1, intervalsSeconds: [0] },
    });
    for (const wrong of [
      { max: 0 },
      { max: 1, intervalsSeconds: [] },
      { max: 1, intervalsSeconds: -1 },
    ]) {
      const outcome = await asking(wrong);
      expect(outcome).toMatchObject({ kind: 'threw', error: { name: 'TypeError' } });
      expect(outcome).not.toHaveProperty('retryAsked');
    }
  });

  it('knows who must not be retried, in any subclass', async () => {
    class Hopeless extends DoNotRetryError {
      override readonly name = 'Hopeless';
    }
    const outcome = await run(() => {
      throw new Hopeless('no');
    });
    expect(outcome).toMatchObject({ retryable: false, error: { name: 'Hopeless' } });
  });
});

describe('a thrown value', () => {
  it('becomes bounded text, whatever it is', () => {
    const weird = fc.oneof(
      fc.anything({ withBigInt: true, withNullPrototype: true, withSparseArray: true }),
      fc
        .string({ minLength: 100_000, maxLength: 100_001, unit: 'binary' })
        .map((m) => new Error(m)),
      fc.constant(
        new Proxy(
          {},
          {
            get: () => {
              throw new Error('no');
            },
          },
        ),
      ),
      fc.constant(
        Object.defineProperty(new Error('x'), 'stack', {
          get: () => {
            throw new Error('no');
          },
        }),
      ),
      fc.constant(
        new Proxy(new Error('x'), {
          getPrototypeOf: () => {
            throw new Error('no');
          },
        }),
      ),
    );
    fc.assert(
      fc.property(weird, (thrown) => {
        const { name, message, stack } = serializeError(thrown);
        for (const text of [name, message, stack]) expect(typeof text).toBe('string');
        expect(Buffer.byteLength(stack)).toBeLessThanOrEqual(64 * 1024 + 64);
        expect(Buffer.byteLength(message)).toBeLessThanOrEqual(16 * 1024);
      }),
    );
  });

  it('keeps its causes, and survives a ring of them', () => {
    const first = new Error('first');
    const second = new Error('second', { cause: first });
    first.cause = second;
    expect(serializeError(second).stack).toMatch(/Error: second[\s\S]*Caused by: Error: first/);
  });
});
