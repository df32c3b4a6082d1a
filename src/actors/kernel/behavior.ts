import type { Observable, SchedulerLike } from 'rxjs';
import type { Backoff } from './backoff.js';
import type { Directive, RestartLimit } from './directive.js';
import type { DeadLetter, KernelEvent, StopReason } from './kernel-event.js';
import type { MailboxOptions } from './mailbox.js';

export type ActorState = 'starting' | 'running' | 'stopping' | 'stopped';

export interface Terminated {
  path: string;
  reason: StopReason;
}

/** The one way to reach an actor. `ActorRef<never>` is any actor. */
export interface ActorRef<in M> {
  readonly path: string;
  readonly state: ActorState;
  /** Emits once when the actor is gone, to late subscribers at once, then completes. Never errors. */
  readonly terminated$: Observable<Terminated>;
  /** Puts a message into the mailbox. False when it was refused; it is a dead letter then. */
  tell(message: M): boolean;
  /**
   * Tells a message that carries a `reply`. Rejects with AskTimeoutError after `timeoutMs`, and at
   * once with ActorStoppedError, MailboxFullError or ActorCrashedError when no reply can come.
   */
  ask<R>(makeMessage: (reply: (value: R) => void) => M, options: { timeoutMs: number }): Promise<R>;
  /**
   * Ends the actor after the message it is at; waiting messages become dead letters. May be called
   * any time, any number of times; resolves when the actor is gone, never rejects. An actor must not
   * await its own stop inside `receive`: it would wait for itself until `shutdownMs` is over.
   */
  stop(): Promise<void>;
}

export type Receive<M> = (message: M, context: ActorContext<M>) => void | Promise<void>;

export interface Receiver<M> {
  receive(message: M, context: ActorContext<M>): void | Promise<void>;
  /** Runs before the first message, again after each restart. */
  started?(context: ActorContext<M>): void | Promise<void>;
  /** Runs when all children are gone: at the end, before a restart, and after a `started` that failed. */
  stopping?(context: ActorContext<M>): void | Promise<void>;
}

/** One message at a time: while a returned promise is pending, the mailbox waits. */
export type Behavior<M> = Receive<M> | Receiver<M>;

export interface TimerHandle {
  /** After this the message does not arrive, even when its time had come already. */
  cancel(): void;
}

/**
 * What a behavior may do. It belongs to one incarnation: once that is to stop or restart, `spawn`
 * throws ActorStoppedError, and timers and watches deliver nothing.
 */
export interface ActorContext<M> {
  readonly self: ActorRef<M>;
  readonly system: SystemView;
  /** Aborted when the actor is to stop or restart, so that a pending `receive` can give up early. */
  readonly signal: AbortSignal;
  spawn<C>(spec: ActorSpec<C>): ActorRef<C>;
  /** Delivers `makeMessage(…)` once `ref` is gone, at once when it is gone already. Ahead of the mailbox. */
  watch(ref: ActorRef<never>, makeMessage: (terminated: Terminated) => M): TimerHandle;
  /** Delivers `message` to this actor once. Ahead of the mailbox, and never refused. */
  schedule(afterMs: number, message: M): TimerHandle;
  /** Delivers `message` every `periodMs`; a tick is skipped while the one before is still waiting. */
  every(periodMs: number, message: M): TimerHandle;
  /** Ends this actor from within, as by its own will: a `permanent` actor fails by this, and is restarted. */
  end(): void;
}

export interface SystemView {
  /** Every wait of every actor. Virtual in tests. */
  readonly clock: SchedulerLike;
  /** Hot, never errors, completes when the system has stopped. */
  readonly events$: Observable<KernelEvent>;
  /** Hot, never errors, completes when the system has stopped. */
  readonly deadLetters$: Observable<DeadLetter>;
  readonly deadLetterCount: number;
}

/** How an actor looks after its children. */
export interface Supervision {
  /** The child's fate. Synchronous, without side effects; what it throws escalates. Default: restart. */
  directiveFor?(error: unknown, child: ActorRef<never>): Directive;
  /** `restForOne` restarts the children started after the crashed one as well. Default: `oneForOne`. */
  strategy?: 'oneForOne' | 'restForOne';
  /** `together` suits a pool, where waiting for one child after the other adds up. Default: `lastFirst`. */
  stopOrder?: 'lastFirst' | 'together';
}

export interface RestartPolicy {
  /** permanent: always back; transient: back after a crash; temporary: never back. Default: transient. */
  restart?: 'permanent' | 'transient' | 'temporary';
  /** More restarts than this escalate. Default: 5 within 10 s. */
  restartLimit?: RestartLimit;
  /** Pause before a restart. Default: none. */
  backoff?: Backoff;
}

export interface ActorSpec<M> extends RestartPolicy {
  /** Unique among living siblings; the last part of the path. */
  name: string;
  /** Called for every start: a restarted actor has fresh state. Its mailbox survives. */
  behavior: (context: ActorContext<M>) => Behavior<M>;
  mailbox: MailboxOptions;
  /** Limit for a pending `receive`, and again for `stopping`; then they are abandoned with an event. Default: 5000. */
  shutdownMs?: number;
  supervision?: Supervision;
}
