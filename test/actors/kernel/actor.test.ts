import { describe, expect, it } from '@jest/globals';
import { firstValueFrom } from 'rxjs';
import type { ActorRef } from '../../../src/actors/kernel/behavior.js';
import { ActorNameTakenError, ActorStoppedError } from '../../../src/actors/kernel/errors.js';
import { makeSystem, spec, story } from './support/system.js';
import { settle } from './support/virtual-clock.js';

describe('tell', () => {
  it('delivers in order, one at a time, after the caller has returned', async () => {
    const { system } = makeSystem();
    const seen: number[] = [];
    const ref = system.spawn<number>(spec('list', () => (n) => void seen.push(n)));
    for (let n = 0; n < 500; n++) expect(ref.tell(n)).toBe(true);
    expect(seen).toEqual([]);
    await settle();
    expect(seen).toEqual(Array.from({ length: 500 }, (_, n) => n));
  });

  it('keeps the mailbox waiting while a receive is pending', async () => {
    const { system } = makeSystem();
    const log: string[] = [];
    const gates: (() => void)[] = [];
    const ref = system.spawn<string>(
      spec('slow', () => async (name) => {
        log.push(`+${name}`);
        await new Promise<void>((resolve) => gates.push(resolve));
        log.push(`-${name}`);
      }),
    );
    ref.tell('a');
    ref.tell('b');
    await settle();
    expect(log).toEqual(['+a']);
    gates[0]?.();
    await settle();
    expect(log).toEqual(['+a', '-a', '+b']);
  });

  it('waits for an asynchronous start', async () => {
    const { system } = makeSystem();
    const log: string[] = [];
    let open = (): void => undefined;
    const ref = system.spawn<string>(
      spec('late', () => ({
        started: () => new Promise<void>((resolve) => (open = resolve)),
        receive: (message) => void log.push(message),
      })),
    );
    ref.tell('x');
    await settle();
    expect([ref.state, log]).toEqual(['starting', []]);
    open();
    await settle();
    expect([ref.state, log]).toEqual(['running', ['x']]);
  });

  it('takes `undefined` for a message like any other', async () => {
    const { system } = makeSystem();
    const seen: unknown[] = [];
    const ref = system.spawn<undefined>(spec('void', () => (message) => void seen.push(message)));
    ref.tell(undefined);
    ref.tell(undefined);
    await settle();
    expect(seen).toEqual([undefined, undefined]);
  });

  it('refuses what a full mailbox cannot hold', async () => {
    const { system, letters } = makeSystem();
    const seen: number[] = [];
    const ref = system.spawn<number>(
      spec('small', () => (n) => void seen.push(n), {
        mailbox: { capacity: 2, overflow: 'reject' },
      }),
    );
    expect([1, 2, 3].map((n) => ref.tell(n))).toEqual([true, true, false]);
    await settle();
    expect(seen).toEqual([1, 2]);
    expect(letters).toEqual([{ message: 3, to: '/small', reason: 'mailbox full' }]);
    expect(system.deadLetterCount).toBe(1);
  });

  it('drops the oldest where the newest matters more', async () => {
    const { system, letters } = makeSystem();
    const seen: number[] = [];
    const ref = system.spawn<number>(
      spec('gauge', () => (n) => void seen.push(n), {
        mailbox: { capacity: 2, overflow: 'dropOldest' },
      }),
    );
    expect([1, 2, 3].map((n) => ref.tell(n))).toEqual([true, true, true]);
    await settle();
    expect(seen).toEqual([2, 3]);
    expect(letters).toEqual([{ message: 1, to: '/gauge', reason: 'dropped as oldest' }]);
  });

  it('makes a dead letter of what a stopped actor is told', async () => {
    const { system, letters } = makeSystem();
    const ref = system.spawn<string>(spec('gone', () => () => undefined));
    await ref.stop();
    expect(ref.tell('hello')).toBe(false);
    expect(letters).toEqual([{ message: 'hello', to: '/gone', reason: 'stopped' }]);
  });
});

describe('spawn', () => {
  it('names children by their parents, and refuses a name that is taken', async () => {
    const { system } = makeSystem();
    const paths: string[] = [];
    const thrown: unknown[] = [];
    system.spawn<never>(
      spec('parent', (context) => {
        paths.push(context.spawn(spec('child', () => () => undefined)).path);
        try {
          context.spawn(spec('child', () => () => undefined));
        } catch (error) {
          thrown.push(error);
        }
        return () => undefined;
      }),
    );
    await settle();
    expect(paths).toEqual(['/parent/child']);
    expect(thrown).toEqual([new ActorNameTakenError('/parent/child')]);
  });

  it('gives a name back when its actor is gone', async () => {
    const { system } = makeSystem();
    const first = system.spawn<never>(spec('again', () => () => undefined));
    await first.stop();
    expect(system.spawn<never>(spec('again', () => () => undefined)).path).toBe('/again');
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])(
    'names the actor whose mailbox has capacity %p',
    (capacity) => {
      const { system } = makeSystem();
      const mailbox = { capacity, overflow: 'reject' as const };
      expect(() => system.spawn(spec('odd', () => () => undefined, { mailbox }))).toThrow('/odd');
    },
  );
});

describe('schedule and every', () => {
  it('deliver at their time, until canceled', async () => {
    const { system, clock } = makeSystem();
    const seen: string[] = [];
    system.spawn<string>(
      spec('timed', (context) => {
        context.schedule(30, 'once');
        context.schedule(40, 'never').cancel();
        const ticks = context.every(20, 'tick');
        return (message) => {
          seen.push(`${clock.now()} ${message}`);
          if (clock.now() >= 60) ticks.cancel();
        };
      }),
    );
    await clock.advance(200);
    expect(seen).toEqual(['20 tick', '30 once', '40 tick', '60 tick']);
  });

  it('do not deliver what was canceled while it waited', async () => {
    const { system, clock } = makeSystem();
    const seen: string[] = [];
    system.spawn<string>(
      spec('picky', (context) => {
        context.schedule(10, 'first');
        const second = context.schedule(10, 'second');
        return (message) => {
          seen.push(message);
          second.cancel();
        };
      }),
    );
    // Both timers fire in the same moment, so the second message waits already.
    await clock.advance(10);
    expect(seen).toEqual(['first']);
  });

  it('skip ticks that a slow receive cannot follow, and pass a full mailbox', async () => {
    const { system, clock, letters } = makeSystem();
    const seen: string[] = [];
    let open = (): void => undefined;
    const ref = system.spawn<string>(
      spec(
        'slow',
        (context) => {
          context.every(10, 'tick');
          return (message) => {
            seen.push(message);
            if (message === 'block') return new Promise<void>((resolve) => (open = resolve));
            return undefined;
          };
        },
        { mailbox: { capacity: 1, overflow: 'reject' } },
      ),
    );
    ref.tell('block');
    await settle();
    ref.tell('command');
    await clock.advance(95);
    open();
    await settle();
    expect(seen).toEqual(['block', 'tick', 'command']);
    expect(letters).toEqual([]);
    await clock.advance(10);
    expect(seen).toEqual(['block', 'tick', 'command', 'tick']);
  });

  it('end with their actor, and are dead when asked for later', async () => {
    const { system, clock, events, letters } = makeSystem();
    const seen: string[] = [];
    let late = (): void => undefined;
    const ref = system.spawn<string>(
      spec('short', (context) => {
        context.every(10, 'tick');
        late = () => void context.schedule(1, 'late');
        return (message) => void seen.push(message);
      }),
    );
    await clock.advance(10);
    await ref.stop();
    late();
    await clock.advance(100);
    expect([seen, letters]).toEqual([['tick'], []]);
    expect(story(events)).toEqual(['spawned /short', 'stopped /short stopped']);
  });
});

describe('watch', () => {
  const watching = (system: ReturnType<typeof makeSystem>['system'], ref: ActorRef<never>) => {
    const seen: unknown[] = [];
    system.spawn<unknown>(
      spec('watcher', (context) => {
        context.watch(ref, ({ path, reason }) => ({ kind: 'lost', path, reason: reason.kind }));
        return (message) => void seen.push(message);
      }),
    );
    return seen;
  };

  it('delivers a death in the words of the watcher', async () => {
    const { system } = makeSystem();
    const ref = system.spawn<never>(spec('mortal', () => () => undefined));
    const seen = watching(system, ref);
    await settle();
    expect(seen).toEqual([]);
    await ref.stop();
    await settle();
    expect(seen).toEqual([{ kind: 'lost', path: '/mortal', reason: 'stopped' }]);
  });

  it('delivers a death that has been', async () => {
    const { system } = makeSystem();
    const ref = system.spawn<never>(spec('mortal', () => () => undefined));
    await ref.stop();
    const seen = watching(system, ref);
    await settle();
    expect(seen).toHaveLength(1);
  });

  it('goes ahead of waiting messages', async () => {
    const { system } = makeSystem();
    const seen: string[] = [];
    const ref = system.spawn<never>(spec('mortal', () => () => undefined));
    await settle();
    const watcher = system.spawn<string>(
      spec('watcher', (context) => {
        context.watch(ref, () => 'lost');
        return (message) => {
          seen.push(message);
          return message === 'wait' ? ref.stop() : undefined;
        };
      }),
    );
    for (const message of ['wait', 'a', 'b']) watcher.tell(message);
    await settle();
    expect(seen).toEqual(['wait', 'lost', 'a', 'b']);
  });
});

describe('terminated$', () => {
  it('emits once and completes, for early and late subscribers', async () => {
    const { system } = makeSystem();
    const ref = system.spawn<'end'>(spec('mortal', () => (_, context) => context.end()));
    const log: string[] = [];
    const listen = (who: string) =>
      ref.terminated$.subscribe({
        next: ({ reason }) => log.push(`${who} ${reason.kind}`),
        complete: () => log.push(`${who} complete`),
      });
    listen('early');
    ref.tell('end');
    await settle();
    listen('late');
    expect(log).toEqual(['early ended', 'early complete', 'late ended', 'late complete']);
    await expect(firstValueFrom(ref.terminated$)).resolves.toEqual({
      path: '/mortal',
      reason: { kind: 'ended' },
    });
  });

  it('is not hurt by a subscriber that throws, nor are the other subscribers', async () => {
    const { system, subscriberErrors } = makeSystem();
    const ref = system.spawn<never>(spec('mortal', () => () => undefined));
    const seen: string[] = [];
    ref.terminated$.subscribe(() => {
      throw new Error('careless');
    });
    ref.terminated$.subscribe(({ path }) => seen.push(path));
    system.events$.subscribe((event) => {
      throw new Error(event.kind);
    });
    await ref.stop();
    expect(seen).toEqual(['/mortal']);
    expect(subscriberErrors).toEqual([new Error('stopped'), new Error('careless')]);
  });
});

describe('signal', () => {
  it('is aborted so that a pending receive can give up', async () => {
    const { system, events } = makeSystem();
    const reasons: unknown[] = [];
    const ref = system.spawn<'wait'>(
      spec('patient', () => (_, { signal }) => {
        return new Promise<void>((resolve) =>
          signal.addEventListener('abort', () => {
            reasons.push(signal.reason);
            resolve();
          }),
        );
      }),
    );
    ref.tell('wait');
    await settle();
    await ref.stop();
    expect(reasons).toEqual([expect.any(ActorStoppedError)]);
    expect(story(events)).toEqual(['spawned /patient', 'stopped /patient stopped']);
  });
});
