import { describe, expect, it } from '@jest/globals';
import {
  ActorCrashedError,
  ActorStoppedError,
  AskTimeoutError,
  MailboxFullError,
} from '../../../src/actors/kernel/errors.js';
import { makeSystem, spec } from './support/system.js';
import { settle } from './support/virtual-clock.js';

interface Count {
  kind: 'count';
  by: number;
  reply(total: number): void;
}
const count =
  (by: number) =>
  (reply: (total: number) => void): Count => ({ kind: 'count', by, reply });
const timeoutMs = 50;

const silent = (
  setup = makeSystem(),
  capacity = 10,
  overflow: 'reject' | 'dropOldest' = 'reject',
) => {
  const held: Count[] = [];
  const ref = setup.system.spawn<Count>(
    spec('mute', () => (message) => void held.push(message), { mailbox: { capacity, overflow } }),
  );
  return { ...setup, ref, held };
};

describe('ask', () => {
  it('resolves with the reply', async () => {
    const { system } = makeSystem();
    const ref = system.spawn<Count>(
      spec('counter', () => {
        let total = 0;
        return ({ by, reply }) => {
          total += by;
          reply(total);
        };
      }),
    );
    const asked = [1, 2, 3].map((by) => ref.ask(count(by), { timeoutMs }));
    await expect(Promise.all(asked)).resolves.toEqual([1, 3, 6]);
  });

  it('rejects at its time-out, naming path, kind and limit', async () => {
    const { clock, ref } = silent();
    const settled: unknown[] = [];
    const asked = ref.ask(count(1), { timeoutMs }).catch((error) => settled.push(error));
    await clock.advance(49);
    expect(settled).toEqual([]);
    await clock.advance(1);
    await asked;
    expect(settled).toEqual([new AskTimeoutError('/mute', 'count', 50)]);
    expect(String(settled[0])).toBe(
      "AskTimeoutError: Actor /mute did not answer 'count' within 50 ms",
    );
  });

  it('makes a dead letter of a reply that nobody waits for', async () => {
    const { clock, ref, held, letters } = silent();
    const asked = ref.ask(count(1), { timeoutMs });
    await Promise.all([expect(asked).rejects.toThrow(AskTimeoutError), clock.advance(50)]);
    held[0]?.reply(7);
    expect(letters).toEqual([{ message: 7, to: '/mute', reason: 'late reply' }]);
  });

  it('leaves no timer behind', async () => {
    const { clock, ref, held } = silent();
    const asked = ref.ask(count(1), { timeoutMs });
    await settle();
    held[0]?.reply(1);
    await asked;
    expect(clock.actions.filter((action) => !action.closed)).toEqual([]);
  });

  it('rejects at once when the actor is stopped, or stops before it got there', async () => {
    const { ref } = silent();
    const waiting = ref.ask(count(1), { timeoutMs });
    const [outcome] = await Promise.allSettled([waiting, ref.stop()]);
    expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(ActorStoppedError) });
    await expect(ref.ask(count(1), { timeoutMs })).rejects.toThrow(ActorStoppedError);
  });

  it('rejects at once when there is no room', async () => {
    const full = silent(makeSystem(), 1).ref;
    full.tell(count(0)(() => undefined));
    await expect(full.ask(count(1), { timeoutMs })).rejects.toThrow(MailboxFullError);

    const lossy = silent(makeSystem(), 1, 'dropOldest').ref;
    const dropped = lossy.ask(count(1), { timeoutMs });
    lossy.tell(count(0)(() => undefined));
    await expect(dropped).rejects.toThrow(MailboxFullError);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('boom');
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('boom');
      },
    ],
  ])('rejects at once when the receiver %s', async (_, receive) => {
    const { system } = makeSystem();
    const ref = system.spawn<Count>(spec('fragile', () => receive));
    const asked = ref.ask(count(1), { timeoutMs });
    await expect(asked).rejects.toThrow(
      new ActorCrashedError('/fragile', 'count', new Error('boom')),
    );
  });

  it('hears of the end of a message that was passed on', async () => {
    const { system } = makeSystem();
    const last = system.spawn<Count>(spec('last', () => () => undefined));
    const first = system.spawn<Count>(spec('first', () => (message) => void last.tell(message)));
    await last.stop();
    await expect(first.ask(count(1), { timeoutMs })).rejects.toThrow('/last');
  });

  it('rejects with what the maker of the message throws', async () => {
    const { ref } = silent();
    const broken = (): Count => {
      throw new RangeError('no message');
    };
    await expect(ref.ask(broken, { timeoutMs })).rejects.toThrow(RangeError);
  });
});
