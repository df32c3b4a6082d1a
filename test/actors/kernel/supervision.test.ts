import { describe, expect, it } from '@jest/globals';
import { map } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { ActorSystem } from '../../../src/actors/kernel/actor-system.js';
import type { ActorRef, ActorSpec, Supervision } from '../../../src/actors/kernel/behavior.js';
import type { Directive } from '../../../src/actors/kernel/directive.js';
import {
  ActorEndedError,
  ActorStoppedError,
  RestartLimitError,
  SupervisionError,
} from '../../../src/actors/kernel/errors.js';
import { makeSystem, spec, story } from './support/system.js';
import { settle } from './support/virtual-clock.js';

type Toy = 'boom' | 'slow boom' | 'end' | 'hello';
const boom = new Error('boom');

/** Crashes on demand, and logs its births, messages and deaths under its name. */
const toy = (name: string, log: string[], more: Partial<ActorSpec<Toy>> = {}): ActorSpec<Toy> =>
  spec(
    name,
    () => {
      let heard = 0;
      return {
        started: () => void log.push(`+${name}`),
        stopping: () => void log.push(`-${name}`),
        receive: (message, context) => {
          if (message === 'boom') throw boom;
          if (message === 'slow boom') return settle().then(() => Promise.reject(boom));
          if (message === 'end') return context.end();
          heard++;
          log.push(`${name}:${heard}`);
          return undefined;
        },
      };
    },
    more,
  );

const always = (directive: Directive): Supervision => ({ directiveFor: () => directive });

describe('a directive', () => {
  it.each<Toy>(['boom', 'slow boom'])(
    'restart: gives %p fresh state, keeps the mailbox, drops the message',
    async (crash) => {
      const { system, events } = makeSystem();
      const log: string[] = [];
      const ref = system.spawn(toy('a', log));
      for (const message of ['hello', 'hello', crash, 'hello'] as const) ref.tell(message);
      await settle();
      await settle();
      expect(log).toEqual(['+a', 'a:1', 'a:2', '-a', '+a', 'a:1']);
      expect(story(events)).toEqual(['spawned /a', 'crashed /a restart', 'restarted /a']);
      expect(events[1]).toEqual({
        kind: 'crashed',
        path: '/a',
        error: boom,
        during: 'receiving',
        directive: 'restart',
      });
    },
  );

  it('resume: keeps the state and drops the message', async () => {
    const { system, events } = makeSystem({ supervision: always('resume') });
    const log: string[] = [];
    const ref = system.spawn(toy('a', log));
    for (const message of ['hello', 'boom', 'hello'] as const) ref.tell(message);
    await settle();
    expect(log).toEqual(['+a', 'a:1', 'a:2']);
    expect(story(events)).toEqual(['spawned /a', 'crashed /a resume']);
  });

  it('stop: ends the actor, and its mailbox with it', async () => {
    const { system, events, letters } = makeSystem({ supervision: always('stop') });
    const log: string[] = [];
    const ref = system.spawn(toy('a', log));
    for (const message of ['boom', 'hello'] as const) ref.tell(message);
    await settle();
    expect(log).toEqual(['+a', '-a']);
    expect(story(events)).toEqual(['spawned /a', 'crashed /a stop', 'stopped /a crashed']);
    expect(letters).toEqual([{ message: 'hello', to: '/a', reason: 'stopped' }]);
  });

  it('escalate: at the root it is fatal, and only the actor it came from ends', async () => {
    const { system, events, fatal } = makeSystem({ supervision: always('escalate') });
    const ref = system.spawn(toy('a', []));
    const other = system.spawn(toy('b', []));
    ref.tell('boom');
    await settle();
    expect(fatal).toEqual([boom]);
    expect([ref.state, other.state]).toEqual(['stopped', 'running']);
    expect(story(events).slice(2)).toEqual([
      'crashed /a escalate',
      'escalated /a',
      'stopped /a escalated',
    ]);
  });

  it('that throws escalates both errors', async () => {
    const broken = new Error('no idea');
    const directiveFor = (): never => {
      throw broken;
    };
    const { system, fatal } = makeSystem({ supervision: { directiveFor } });
    system.spawn(toy('a', [])).tell('boom');
    await settle();
    expect(fatal).toEqual([expect.any(SupervisionError)]);
    expect((fatal[0] as SupervisionError).errors).toEqual([boom, broken]);
  });

  it('is decided with the error and the child at hand', async () => {
    const asked: unknown[] = [];
    const directiveFor = (error: unknown, child: ActorRef<never>): Directive => {
      asked.push([error, child.path]);
      return 'stop';
    };
    const { system } = makeSystem({ supervision: { directiveFor } });
    system.spawn(toy('a', [])).tell('boom');
    await settle();
    expect(asked).toEqual([[boom, '/a']]);
  });
});

describe('escalation', () => {
  it('restarts the parent, whose children are born anew', async () => {
    const { system, events } = makeSystem();
    const log: string[] = [];
    let child: ActorRef<Toy> | undefined;
    system.spawn<never>(
      spec(
        'parent',
        (context) => {
          log.push('+parent');
          child = context.spawn(toy('child', log));
          context.spawn(toy('sibling', log));
          return { receive: () => undefined, stopping: () => void log.push('-parent') };
        },
        { supervision: always('escalate') },
      ),
    );
    await settle();
    child?.tell('boom');
    await settle();
    expect(log).toEqual([
      '+parent',
      '+child',
      '+sibling',
      ...['-child', '-sibling', '-parent'],
      ...['+parent', '+child', '+sibling'],
    ]);
    expect(story(events)).toContain('crashed /parent restart');
  });

  it('waits until the parent is done with its message', async () => {
    const { system, events } = makeSystem();
    let open = (): void => undefined;
    let child: ActorRef<Toy> | undefined;
    const parent = system.spawn<'wait'>(
      spec(
        'parent',
        (context) => {
          child = context.spawn(toy('child', []));
          return () => new Promise<void>((resolve) => (open = resolve));
        },
        { supervision: always('escalate') },
      ),
    );
    parent.tell('wait');
    await settle();
    child?.tell('boom');
    await settle();
    expect(story(events)).not.toContain('crashed /parent restart');
    open();
    await settle();
    expect(story(events)).toContain('restarted /parent');
  });
});

describe('a failed start', () => {
  it.each<[string, Partial<ActorSpec<Toy>>]>([
    [
      'a factory that throws',
      {
        behavior: () => {
          throw boom;
        },
      },
    ],
    [
      'a hook that throws',
      {
        behavior: () => ({
          receive: () => undefined,
          started: () => {
            throw boom;
          },
        }),
      },
    ],
    [
      'a hook that rejects',
      { behavior: () => ({ receive: () => undefined, started: () => Promise.reject(boom) }) },
    ],
  ])('of %s is restarted until the limit, then escalates', async (_, more) => {
    const { system, fatal, events } = makeSystem({ supervision: always('resume') });
    const limit = { restarts: 2, withinMs: 1000 };
    system.spawn(toy('a', [], { ...more, restartLimit: limit }));
    await settle();
    expect(fatal).toEqual([new RestartLimitError('/a', 2, 1000, boom)]);
    expect(story(events)).toEqual([
      'spawned /a',
      ...['crashed /a restart', 'crashed /a restart', 'crashed /a escalate'],
      ...['escalated /a', 'stopped /a escalated'],
    ]);
  });

  it('lets its mailbox wait for the next one', async () => {
    const { system, clock } = makeSystem();
    const seen: string[] = [];
    let tries = 0;
    const ref = system.spawn<string>(
      spec(
        'late',
        () => {
          if (++tries < 3) throw boom;
          return (message) => void seen.push(message);
        },
        { backoff: { firstMs: 100, maxMs: 1000, resetAfterMs: 5000 } },
      ),
    );
    ref.tell('hello');
    await clock.advance(299);
    expect([tries, ref.state, seen]).toEqual([2, 'starting', []]);
    await clock.advance(1);
    expect([tries, ref.state, seen]).toEqual([3, 'running', ['hello']]);
  });
});

describe('the kind of restart', () => {
  it.each([
    ['permanent', 'boom', 'running'],
    ['permanent', 'end', 'running'],
    ['transient', 'boom', 'running'],
    ['transient', 'end', 'stopped'],
    ['temporary', 'boom', 'stopped'],
    ['temporary', 'end', 'stopped'],
  ] as const)('%s after %s leaves it %s', async (restart, message, state) => {
    const { system } = makeSystem();
    const ref = system.spawn(toy('a', [], { restart }));
    ref.tell(message);
    await settle();
    expect(ref.state).toBe(state);
  });

  it('permanent: the supervisor hears why', async () => {
    const { system, events } = makeSystem();
    system.spawn(toy('a', [], { restart: 'permanent' })).tell('end');
    await settle();
    expect(events[1]).toMatchObject({ kind: 'crashed', error: new ActorEndedError('/a') });
  });

  it('permanent: what waits is received by the next incarnation', async () => {
    const { system } = makeSystem();
    const log: string[] = [];
    const ref = system.spawn(toy('a', log, { restart: 'permanent' }));
    for (const message of ['hello', 'end', 'hello'] as const) ref.tell(message);
    await settle();
    expect(log).toEqual(['+a', 'a:1', '-a', '+a', 'a:1']);
  });

  it.each(['permanent', 'transient', 'temporary'] as const)(
    '%s: one that was stopped stays so',
    async (restart) => {
      const { system } = makeSystem();
      const ref = system.spawn(toy('a', [], { restart }));
      await ref.stop();
      await settle();
      expect(ref.state).toBe('stopped');
    },
  );
});

describe('restart limit and backoff', () => {
  it('escalates the crash that is one too many, and only within the window', async () => {
    const { system, clock, fatal } = makeSystem();
    const ref = system.spawn(toy('a', [], { restartLimit: { restarts: 2, withinMs: 100 } }));
    for (let crash = 0; crash < 6; crash++) {
      ref.tell('boom');
      await clock.advance(50);
    }
    expect([ref.state, fatal]).toEqual(['running', []]);
    for (let crash = 0; crash < 2; crash++) {
      ref.tell('boom');
      await clock.advance(10);
    }
    expect([ref.state, fatal]).toEqual(['stopped', [new RestartLimitError('/a', 2, 100, boom)]]);
  });

  it('tells the story in time', () => {
    const scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
    scheduler.run(({ cold, expectObservable }) => {
      const system = new ActorSystem({
        clock: scheduler,
        turn: (run) => void scheduler.schedule(run),
        random: () => 0,
        onFatal: () => undefined,
      });
      const backoff = { firstMs: 4, maxMs: 8, resetAfterMs: 20 };
      const ref = system.spawn(
        toy('a', [], { backoff, restartLimit: { restarts: 4, withinMs: 100 } }),
      );
      // Pauses of 4 and 8 ms, which is the longest; after 22 ms of health, 4 ms again.
      cold(' -x----------x-----------------x-----------------------------x').subscribe(() => {
        ref.tell('boom');
      });
      const expected = '-c---r------c-------r---------c-------r---------------------c---r';
      const letters = { c: 'crashed', r: 'restarted' };
      const kinds$ = system.events$.pipe(map(({ kind }) => kind));
      expectObservable(kinds$).toBe(expected, letters);
    });
  });

  it('is stopped at once while it waits for its restart', async () => {
    const { system, clock } = makeSystem();
    const log: string[] = [];
    const backoff = { firstMs: 1000, maxMs: 1000, resetAfterMs: 5000 };
    const ref = system.spawn(toy('a', log, { backoff }));
    ref.tell('boom');
    await clock.advance(10);
    await ref.stop();
    await clock.advance(5000);
    expect(log).toEqual(['+a', '-a']);
  });
});

describe('restForOne', () => {
  const family = (supervision: Supervision, more: Partial<ActorSpec<Toy>> = {}) => {
    const setup = makeSystem({ supervision });
    const log: string[] = [];
    const refs = ['a', 'b', 'c'].map((name) => setup.system.spawn(toy(name, log, more)));
    const forget = async (): Promise<void> => {
      await settle();
      log.length = 0;
    };
    return { ...setup, log, refs, forget };
  };

  it('restarts the crashed one and all that came after it, in order', async () => {
    const { log, refs, forget, events } = family({ strategy: 'restForOne' });
    await forget();
    refs[1]?.tell('boom');
    await settle();
    expect(log).toEqual(['-c', '-b', '+b', '+c']);
    expect(story(events).slice(3)).toEqual(['crashed /b restart', 'restarted /b', 'restarted /c']);
  });

  it('waits for a younger sibling that is at work, for a bounded time', async () => {
    const { system, clock, events } = makeSystem({ supervision: { strategy: 'restForOne' } });
    const log: string[] = [];
    const a = system.spawn(toy('a', log));
    const stuck = system.spawn<'never'>(
      spec('stuck', () => () => new Promise<void>(() => undefined), { shutdownMs: 50 }),
    );
    stuck.tell('never');
    await settle();
    a.tell('boom');
    await clock.advance(49);
    expect(log).toEqual(['+a']);
    await clock.advance(1);
    expect(log).toEqual(['+a', '-a', '+a']);
    expect(story(events)).toContain('abandoned /stuck');
    expect(stuck.state).toBe('running');
  });

  it('ends a temporary sibling', async () => {
    const { system } = makeSystem({ supervision: { strategy: 'restForOne' } });
    const log: string[] = [];
    const [a, b, c] = [
      system.spawn(toy('a', log)),
      system.spawn(toy('b', log, { restart: 'temporary' })),
      system.spawn(toy('c', log)),
    ];
    await settle();
    log.length = 0;
    a.tell('boom');
    await settle();
    expect(log).toEqual(['-c', '-b', '-a', '+a', '+c']);
    expect([a, b, c].map(({ state }) => state)).toEqual(['running', 'stopped', 'running']);
  });

  it('starts a younger one once, although its first start was due', async () => {
    const { system } = makeSystem({ supervision: { strategy: 'restForOne' } });
    const log: string[] = [];
    const a = system.spawn(toy('a', log));
    await settle();
    a.tell('boom');
    system.spawn(toy('b', log));
    await settle();
    expect(log).toEqual(['+a', '-a', '+a', '+b']);
  });

  it('goes on with the younger ones when one of them fails to start', async () => {
    const { log, refs, forget, system } = family({ strategy: 'restForOne' });
    let births = 0;
    const moody = system.spawn<Toy>(
      spec('moody', () => {
        if (++births === 2) throw boom;
        log.push('+moody');
        return () => undefined;
      }),
    );
    system.spawn(toy('last', log));
    await forget();
    refs[2]?.tell('boom');
    await settle();
    expect(log).toEqual(['-last', '-c', '+c', '+moody', '+last']);
    expect(moody.state).toBe('running');
  });

  it('brings all back when an older one crashes during the restart of a younger one', async () => {
    const backoff = { firstMs: 100, maxMs: 100, resetAfterMs: 5000 };
    const { clock, log, refs, forget } = family({ strategy: 'restForOne' }, { backoff });
    await forget();
    refs[1]?.tell('boom');
    await clock.advance(50);
    refs[0]?.tell('boom');
    await clock.advance(99);
    expect(log).toEqual(['-c', '-b', '-a']);
    await clock.advance(1);
    expect(log).toEqual(['-c', '-b', '-a', '+a', '+b', '+c']);
  });

  it('brings all back when a younger one crashes while an older one waits for it', async () => {
    const { log, refs, forget } = family({ strategy: 'restForOne' });
    await forget();
    refs[2]?.tell('slow boom');
    refs[1]?.tell('slow boom');
    await settle();
    await settle();
    await settle();
    expect(refs.map((ref) => ref.state)).toEqual(['running', 'running', 'running']);
    expect(log.slice(-2)).toEqual(['+b', '+c']);
  });
});

describe('an earlier incarnation', () => {
  it('reaches nothing any more', async () => {
    const { system, clock, letters } = makeSystem();
    const log: string[] = [];
    const spawns: (() => void)[] = [];
    const ref = system.spawn<Toy>(
      spec('a', (context) => {
        context.every(10, 'hello');
        spawns.push(() => void context.spawn(toy('late', log)));
        return (message) => {
          if (message === 'boom') throw boom;
          log.push(message);
        };
      }),
    );
    ref.tell('boom');
    await clock.advance(10);
    expect(log).toEqual(['hello']);
    expect(spawns[0]).toThrow(ActorStoppedError);
    expect(letters).toEqual([]);
  });

  it('leaves no timer of its own to the next one, even when its time had come', async () => {
    const { system, clock, events } = makeSystem();
    const log: string[] = [];
    let births = 0;
    system.spawn<Toy>(
      spec('a', (context) => {
        if (births++ === 0) {
          context.schedule(10, 'boom');
          context.schedule(10, 'hello');
        }
        return (message) => {
          if (message === 'boom') throw boom;
          log.push(message);
        };
      }),
    );
    await clock.advance(20);
    expect(log).toEqual([]);
    expect(story(events)).toEqual(['spawned /a', 'crashed /a restart', 'restarted /a']);
  });
});
