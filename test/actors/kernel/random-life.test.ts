import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ActorRef, ActorSpec, Supervision } from '../../../src/actors/kernel/behavior.js';
import type { Directive } from '../../../src/actors/kernel/directive.js';
import { makeSystem, spec } from './support/system.js';
import { settle } from './support/virtual-clock.js';

interface Numbered {
  id: number;
  acts: 'returns' | 'throws' | 'resolves' | 'rejects' | 'ends' | 'stops';
}

type Step =
  | { kind: 'tell'; to: number; acts: Numbered['acts'] }
  | { kind: 'stop'; to: number }
  | { kind: 'settle' }
  | { kind: 'advance'; byMs: number };

const to = fc.nat(3);
const acts = fc.constantFrom<Numbered['acts']>(
  ...(['returns', 'returns', 'returns', 'throws', 'resolves', 'rejects', 'ends', 'stops'] as const),
);
const step = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant('tell' as const), to, acts }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('stop' as const), to }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('settle' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('advance' as const), byMs: fc.nat(60) }) },
);
const directives = fc.array(
  fc.constantFrom<Directive>('resume', 'restart', 'restart', 'restart', 'stop', 'escalate'),
  { minLength: 1, maxLength: 6 },
);
const world = fc.record({
  directives,
  strategy: fc.constantFrom('oneForOne' as const, 'restForOne' as const),
  restart: fc.constantFrom('permanent' as const, 'transient' as const, 'temporary' as const),
  firstMs: fc.constantFrom(0, 20),
  capacity: fc.integer({ min: 1, max: 6 }),
  overflow: fc.constantFrom('reject' as const, 'dropOldest' as const),
});

/** Four actors, the last two of them children of the first, under one way to supervise. */
const run = async (
  chosen: typeof world extends fc.Arbitrary<infer W> ? W : never,
  steps: Step[],
) => {
  let decisions = 0;
  const supervision: Supervision = {
    strategy: chosen.strategy,
    directiveFor: () => chosen.directives[decisions++ % chosen.directives.length] ?? 'restart',
  };
  const setup = makeSystem({ supervision });
  const { system, clock } = setup;
  const received: { by: number; id: number }[] = [];
  const refs: ActorRef<Numbered>[] = [];
  const busy = new Map<number, number>();
  let overlaps = 0;

  const receive = (by: number, message: Numbered, end: () => void): void | Promise<void> => {
    received.push({ by, id: message.id });
    if (message.acts === 'throws') throw new Error(`${message.id}`);
    if (message.acts === 'ends') end();
    if (message.acts === 'stops') void refs[by]?.stop();
    if (message.acts !== 'resolves' && message.acts !== 'rejects') return undefined;
    const level = (busy.get(by) ?? 0) + 1;
    busy.set(by, level);
    if (level > 1) overlaps++;
    return settle().then(() => {
      busy.set(by, level - 1);
      if (message.acts === 'rejects') throw new Error(`${message.id}`);
    });
  };
  const makeSpec = (n: number, grow: ActorSpec<Numbered>['behavior']): ActorSpec<Numbered> =>
    spec(`actor-${n}`, grow, {
      mailbox: { capacity: chosen.capacity, overflow: chosen.overflow },
      restart: chosen.restart,
      restartLimit: { restarts: 3, withinMs: 100 },
      ...(chosen.firstMs > 0 && {
        backoff: { firstMs: chosen.firstMs, maxMs: 40, resetAfterMs: 50 },
      }),
      supervision,
    });
  const simple = (n: number) =>
    makeSpec(n, (context) => (message) => receive(n, message, () => context.end()));

  refs[0] = system.spawn(
    makeSpec(0, (context) => {
      refs[2] = context.spawn(simple(2));
      refs[3] = context.spawn(simple(3));
      return (message) => receive(0, message, () => context.end());
    }),
  );
  refs[1] = system.spawn(simple(1));
  await settle();

  const told: { id: number; accepted: boolean }[] = [];
  const stops: Promise<void>[] = [];
  for (const each of steps) {
    const ref = 'to' in each ? refs[each.to] : undefined;
    if (each.kind === 'tell') {
      const message = { id: told.length, acts: each.acts };
      told.push({ id: message.id, accepted: ref?.tell(message) ?? false });
    }
    if (each.kind === 'stop' && ref) stops.push(ref.stop());
    if (each.kind === 'settle') await settle();
    if (each.kind === 'advance') await clock.advance(each.byMs);
  }
  // Every message at hand has ended, and every pause before a restart is over.
  for (let quiet = 0; quiet < 30; quiet++) await settle();
  for (let pause = 0; pause < 20; pause++) await clock.advance(40);
  const states = refs.map((ref) => ref.state);

  // No virtual time passes any more: whatever waits for a limit here would hang.
  const [report] = await Promise.all([system.stop({ deadlineMs: 60_000 }), ...stops]);
  return { ...setup, told, received, overlaps, states, report };
};

describe('a random life', () => {
  it('receives every message once, in order, or makes a dead letter of it', async () => {
    await fc.assert(
      fc.asyncProperty(world, fc.array(step, { maxLength: 60 }), async (chosen, steps) => {
        const life = await run(chosen, steps);
        const { system, told, received, letters, overlaps, states, report, events } = life;

        const lettered = letters.map(({ message }) => (message as Numbered).id);
        const accounted = [...received.map(({ id }) => id), ...lettered].toSorted((a, b) => a - b);
        expect(accounted).toEqual(told.map(({ id }) => id));
        expect(system.deadLetterCount).toBe(lettered.length);
        const refused = told.filter(({ accepted }) => !accepted).map(({ id }) => id);
        expect(lettered).toEqual(expect.arrayContaining(refused));

        for (const by of [0, 1, 2, 3]) {
          const ids = received.filter((each) => each.by === by).map(({ id }) => id);
          expect(ids).toEqual(ids.toSorted((a, b) => a - b));
        }
        expect(overlaps).toBe(0);

        expect(states.filter((state) => state !== 'running' && state !== 'stopped')).toEqual([]);
        // Nobody hung, and whoever was born has died.
        expect(report.abandoned).toEqual([]);
        const count = (kind: string) => events.filter((event) => event.kind === kind).length;
        expect(count('stopped')).toBe(count('spawned'));
      }),
      { numRuns: 400 },
    );
  });
});
