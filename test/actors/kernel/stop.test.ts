import { describe, expect, it } from '@jest/globals';
import type { ActorContext, ActorRef } from '../../../src/actors/kernel/behavior.js';
import { ActorStoppedError } from '../../../src/actors/kernel/errors.js';
import { startStopStorm } from '../../support/start-stop-storm.js';
import { makeSystem, spec, story } from './support/system.js';
import { settle } from './support/virtual-clock.js';

const never = (): Promise<void> => new Promise(() => undefined);
const untilAbort = (_: 'wait', { signal }: ActorContext<'wait'>): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
const stopped = (events: Parameters<typeof story>[0]): string[] =>
  story(events).filter((line) => !line.startsWith('spawned'));

const leaf = (name: string, stopping: () => void | Promise<void> = () => undefined) =>
  spec<'wait'>(name, () => ({ receive: never, stopping }), { shutdownMs: 100 });

describe('stop of an actor', () => {
  it('ends its children first, the last started before all others', async () => {
    const { system, events } = makeSystem();
    const parent = system.spawn<never>(
      spec('p', (context) => {
        for (const name of ['a', 'b', 'c']) context.spawn(leaf(name));
        return () => undefined;
      }),
    );
    await settle();
    await parent.stop();
    expect(stopped(events)).toEqual(
      ['c', 'b', 'a', ''].map((name) => `stopped /p${name && `/${name}`} stopped`),
    );
  });

  it.each(['lastFirst', 'together'] as const)('asks its children %s', async (stopOrder) => {
    const { system } = makeSystem();
    const log: string[] = [];
    const parent = system.spawn<never>(
      spec(
        'pool',
        (context) => {
          for (const name of ['a', 'b']) {
            context.spawn(
              leaf(name, async () => {
                log.push(`+${name}`);
                await settle();
                log.push(`-${name}`);
              }),
            );
          }
          return () => undefined;
        },
        { supervision: { stopOrder } },
      ),
    );
    await settle();
    await parent.stop();
    const expected = stopOrder === 'together' ? ['+b', '+a', '-b', '-a'] : ['+b', '-b', '+a', '-a'];
    expect(log).toEqual(expected);
  });

  it('never starts what is stopped before its first turn', async () => {
    const { system, events } = makeSystem();
    let births = 0;
    const ref = system.spawn<never>(
      spec('unborn', () => {
        births++;
        return () => undefined;
      }),
    );
    await Promise.all([ref.stop(), ref.stop()]);
    expect([births, ref.state]).toEqual([0, 'stopped']);
    expect(stopped(events)).toEqual(['stopped /unborn stopped']);
  });

  it('lets the message at hand end, and no other begin', async () => {
    const { system, letters } = makeSystem();
    const log: string[] = [];
    let open = (): void => undefined;
    const ref = system.spawn<string>(
      spec('busy', () => async (message) => {
        log.push(`+${message}`);
        await new Promise<void>((resolve) => (open = resolve));
        log.push(`-${message}`);
      }),
    );
    ref.tell('a');
    ref.tell('b');
    await settle();
    const gone = ref.stop();
    await settle();
    expect([ref.state, log]).toEqual(['stopping', ['+a']]);
    open();
    await gone;
    expect(log).toEqual(['+a', '-a']);
    expect(letters).toEqual([{ message: 'b', to: '/busy', reason: 'stopped' }]);
  });

  it('does not restart a child that crashes while its family ends', async () => {
    const { system, events } = makeSystem();
    let open = (): void => undefined;
    let older: ActorRef<'go'> | undefined;
    const parent = system.spawn<never>(
      spec('p', (context) => {
        older = context.spawn<'go'>(
          spec('older', () => () => {
            throw new Error('now of all times');
          }),
        );
        context.spawn(leaf('younger', () => new Promise<void>((resolve) => (open = resolve))));
        return () => undefined;
      }),
    );
    await settle();
    const gone = parent.stop();
    await settle();
    older?.tell('go');
    await settle();
    open();
    await gone;
    expect(stopped(events)).toEqual([
      ...['crashed /p/older stop', 'stopped /p/older crashed'],
      ...['stopped /p/younger stopped', 'stopped /p stopped'],
    ]);
  });

  it('overtakes a restart that is still starting, and leaves no timer', async () => {
    const { system, clock, events } = makeSystem();
    let births = 0;
    let open = (): void => undefined;
    const ref = system.spawn<'go'>(
      spec('a', () => ({
        started: () =>
          births++ === 0 ? undefined : new Promise<void>((resolve) => (open = resolve)),
        receive: () => Promise.reject(new Error('boom')),
      })),
    );
    ref.tell('go');
    await settle();
    const gone = ref.stop();
    await settle();
    open();
    await gone;
    expect(stopped(events)).toEqual(['crashed /a restart', 'stopped /a stopped']);
    expect(clock.actions.filter((action) => !action.closed)).toEqual([]);
  });

  it('abandons a receive and a stopping hook that do not end', async () => {
    const { system, clock, events } = makeSystem();
    const ref = system.spawn(leaf('stuck', never));
    ref.tell('wait');
    await settle();
    const gone = ref.stop();
    await clock.advance(100);
    expect(ref.state).toBe('stopping');
    await clock.advance(100);
    await gone;
    expect(events.slice(1)).toEqual([
      { kind: 'abandoned', path: '/stuck', during: 'receiving', afterMs: 100 },
      { kind: 'abandoned', path: '/stuck', during: 'stopping', afterMs: 100 },
      { kind: 'stopped', path: '/stuck', reason: { kind: 'stopped' } },
    ]);
    expect(clock.actions.filter((action) => !action.closed)).toEqual([]);
  });

  it('still shows the error of what was abandoned', async () => {
    const { system, clock, events } = makeSystem();
    let fail = (_: Error): void => undefined;
    const ref = system.spawn<'go'>(
      spec('late', () => () => new Promise<void>((_, reject) => (fail = reject)), {
        shutdownMs: 10,
      }),
    );
    ref.tell('go');
    await settle();
    const gone = ref.stop();
    await clock.advance(10);
    await gone;
    fail(new Error('after all'));
    await settle();
    expect(events.at(-1)).toMatchObject({ kind: 'crashed', error: new Error('after all') });
  });

  it('goes on when a stopping hook throws', async () => {
    const { system, events } = makeSystem();
    const ref = system.spawn(
      leaf('clumsy', () => {
        throw new Error('tripped');
      }),
    );
    await settle();
    await ref.stop();
    expect(stopped(events)).toEqual(['crashed /clumsy stop', 'stopped /clumsy stopped']);
  });

  it('from within a message is possible as long as nobody waits for it', async () => {
    const { system, events } = makeSystem();
    const ref = system.spawn<'go'>(
      spec(
        'self',
        () =>
          (_, { self }) =>
            void self.stop(),
      ),
    );
    ref.tell('go');
    await settle();
    expect(stopped(events)).toEqual(['stopped /self stopped']);
  });

  it('is bounded even for an actor that waits for itself', async () => {
    const { system, clock, events } = makeSystem();
    const ref = system.spawn<'go'>(
      spec(
        'self',
        () =>
          (_, { self }) =>
            self.stop(),
        { shutdownMs: 100 },
      ),
    );
    ref.tell('go');
    await clock.advance(100);
    expect(stopped(events)).toEqual(['abandoned /self', 'stopped /self stopped']);
  });
});

describe('stop of the system', () => {
  it('runs its phases in order, then ends the actors, and completes its streams', async () => {
    const { system, events } = makeSystem();
    const log: string[] = [];
    system.events$.subscribe({ complete: () => log.push('events complete') });
    system.deadLetters$.subscribe({ complete: () => log.push('letters complete') });
    system.spawn(leaf('a', () => void log.push('-a')));
    await settle();
    const phase = (name: string) => ({ name, deadlineMs: 100, run: () => void log.push(name) });
    const report = await system.stop({
      deadlineMs: 1000,
      phases: [phase('quiet'), phase('drain')],
    });
    expect(log).toEqual(['quiet', 'drain', '-a', 'letters complete', 'events complete']);
    expect(stopped(events)).toEqual(['phase quiet done', 'phase drain done', 'stopped /a stopped']);
    expect(report).toEqual({ abandoned: [], crashed: [], late: [], failed: [] });
  });

  it('does not wait for a phase beyond its deadline, nor stop at one that fails', async () => {
    const { system, clock, events } = makeSystem();
    let fail = (_: Error): void => undefined;
    const stop = system.stop({
      deadlineMs: 1000,
      phases: [
        { name: 'slow', deadlineMs: 50, run: () => new Promise((_, reject) => (fail = reject)) },
        { name: 'bad', deadlineMs: 50, run: () => fail(new Error('late too')) },
        { name: 'worse', deadlineMs: 50, run: () => Promise.reject(new Error('no')) },
      ],
    });
    await clock.advance(50);
    expect(await stop).toEqual({
      abandoned: [],
      crashed: [],
      late: ['slow'],
      failed: [
        { phase: 'slow', error: new Error('late too') },
        { phase: 'worse', error: new Error('no') },
      ],
    });
    expect(events.map(({ kind }) => kind)).toContain('phaseFailed');
  });

  it('abandons everything at its own deadline', async () => {
    const { system, clock } = makeSystem();
    const parent = system.spawn<'wait'>(
      spec(
        'p',
        (context) => {
          const child = context.spawn(leaf('child', never));
          child.tell('wait');
          return never;
        },
        { shutdownMs: 100_000 },
      ),
    );
    parent.tell('wait');
    await settle();
    const stop = system.stop({ deadlineMs: 500 });
    await clock.advance(499);
    expect(parent.state).toBe('stopping');
    await clock.advance(1);
    const report = await stop;
    expect(report.abandoned.toSorted()).toEqual(['/p', '/p/child']);
    expect(parent.state).toBe('stopped');
    await clock.advance(200_000);
    expect(clock.actions.filter((action) => !action.closed)).toEqual([]);
  });

  it('abandons only those that hang, not those that wait for them', async () => {
    const { system, clock } = makeSystem();
    const log: string[] = [];
    system.spawn<never>(
      spec('p', (context) => {
        context.spawn({ ...leaf('child', never), shutdownMs: 100_000 });
        return { receive: () => undefined, stopping: () => void log.push('-p') };
      }),
    );
    await settle();
    const stop = system.stop({ deadlineMs: 500 });
    await clock.advance(500);
    expect((await stop).abandoned).toEqual(['/p/child']);
    expect(log).toEqual(['-p']);
  });

  it('may be called twice, and spawns nothing afterwards', async () => {
    const { system } = makeSystem();
    const first = system.stop({ deadlineMs: 100 });
    expect(system.stop({ deadlineMs: 1 })).toBe(first);
    await first;
    expect(() => system.spawn(leaf('late'))).toThrow(ActorStoppedError);
  });

  it('still counts dead letters', async () => {
    const { system } = makeSystem();
    const ref = system.spawn(leaf('a'));
    await system.stop({ deadlineMs: 100 });
    ref.tell('wait');
    expect(system.deadLetterCount).toBe(1);
  });
});

describe('storms', () => {
  it('of starts and stops leave nothing behind', async () => {
    const { system, events } = makeSystem();
    let nextName = 0;
    let living = 0;
    const make = () => {
      let ref: ActorRef<'wait'> | undefined;
      let up = (_: unknown): void => undefined;
      return {
        start: () =>
          new Promise((resolve) => {
            up = resolve;
            const behavior = (context: ActorContext<'wait'>) => {
              living++;
              for (const name of ['x', 'y']) context.spawn(leaf(name, settle));
              return { receive: never, started: settle, stopping: () => void living-- };
            };
            ref = system.spawn(spec(`part-${nextName++}`, behavior));
            ref.terminated$.subscribe(up);
            void settle().then(settle).then(up);
          }),
        stop: () => ref?.stop() ?? Promise.resolve(),
      };
    };
    await startStopStorm(make, { rounds: 20, check: () => expect(living).toBe(0) });
    const count = (kind: string) => events.filter((event) => event.kind === kind).length;
    expect(count('spawned')).toBeGreaterThan(400);
    expect(count('stopped')).toBe(count('spawned'));
    expect(count('crashed')).toBe(0);
  });

  it('of systems with hundreds of actors end in one report', async () => {
    const { system, events } = makeSystem();
    for (let p = 0; p < 20; p++) {
      system.spawn<never>(
        spec(`p${p}`, (context) => {
          for (let c = 0; c < 20; c++) context.spawn(spec(`c${c}`, () => untilAbort)).tell('wait');
          return () => undefined;
        }),
      );
    }
    await settle();
    const reports = await Promise.all(
      Array.from({ length: 10 }, () => system.stop({ deadlineMs: 1000 })),
    );
    expect(new Set(reports).size).toBe(1);
    expect(reports[0]).toEqual({ abandoned: [], crashed: [], late: [], failed: [] });
    const started = events.filter(({ kind }) => kind === 'spawned').length;
    expect(events.filter(({ kind }) => kind === 'stopped')).toHaveLength(started);
  });
});
