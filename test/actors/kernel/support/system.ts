import { ActorSystem, type SystemOptions } from '../../../../src/actors/kernel/actor-system.js';
import type { ActorSpec } from '../../../../src/actors/kernel/behavior.js';
import type { DeadLetter, KernelEvent } from '../../../../src/actors/kernel/kernel-event.js';
import { VirtualClock } from './virtual-clock.js';

/** A system on virtual time that remembers everything it told. */
export const makeSystem = (options: Partial<SystemOptions> = {}) => {
  const clock = new VirtualClock();
  const fatal: unknown[] = [];
  const subscriberErrors: unknown[] = [];
  const system = new ActorSystem({
    clock,
    random: () => 0,
    onFatal: (error) => fatal.push(error),
    onSubscriberError: (error) => subscriberErrors.push(error),
    ...options,
  });
  const events: KernelEvent[] = [];
  const letters: DeadLetter[] = [];
  system.events$.subscribe((event) => events.push(event));
  system.deadLetters$.subscribe((letter) => letters.push(letter));
  return { system, clock, fatal, subscriberErrors, events, letters };
};

/** `crashed /a restart`: what a reader wants to compare. */
export const story = (events: readonly KernelEvent[]): string[] =>
  events.flatMap((event) => {
    if (event.kind === 'deadLetter') return [];
    if (event.kind === 'phaseEnded') return [`phase ${event.phase} ${event.outcome}`];
    if (event.kind === 'phaseFailed') return [`phase ${event.phase} failed`];
    if (event.kind === 'crashed') return [`crashed ${event.path} ${event.directive}`];
    if (event.kind === 'stopped') return [`stopped ${event.path} ${event.reason.kind}`];
    return [`${event.kind} ${event.path}`];
  });

export const spec = <M>(
  name: string,
  behavior: ActorSpec<M>['behavior'],
  more: Partial<ActorSpec<M>> = {},
): ActorSpec<M> => ({ name, behavior, mailbox: { capacity: 1000, overflow: 'reject' }, ...more });
