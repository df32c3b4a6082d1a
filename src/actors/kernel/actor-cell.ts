import { AsyncSubject, firstValueFrom, type Observable } from 'rxjs';
import { ask } from './ask.js';
import type { ActorRef, ActorSpec, ActorState, Terminated } from './behavior.js';
import type { Runnable } from './dispatcher.js';
import { Family } from './family.js';
import type { Kernel } from './kernel.js';
import type { StopReason } from './kernel-event.js';
import { type Incarnation, Life, type LifeOwner } from './life.js';
import { Mailbox } from './mailbox.js';
import type { Signal } from './scope.js';
import { isThenable } from './user-code.js';

/** One actor: a mailbox, a life, and the turns in which its messages are received. */
export class ActorCell<M> implements LifeOwner<M>, Runnable {
  readonly path: string;
  readonly terminated$: Observable<Terminated>;
  private readonly mailbox: Mailbox<M>;
  private readonly signals: Signal<M>[] = [];
  private readonly children: Family;
  private readonly life: Life<M>;
  private readonly termination = new AsyncSubject<Terminated>();
  private queued = false;

  constructor(
    private readonly spec: ActorSpec<M>,
    readonly kernel: Kernel,
    family: Family,
  ) {
    this.path = family.pathOf(spec.name);
    this.mailbox = new Mailbox(spec.mailbox.capacity, this.path);
    this.terminated$ = kernel.isolate(this.termination);
    this.children = new Family(kernel, this.path, spec.supervision ?? {}, (error) =>
      this.life.hurt(error, 'child'),
    );
    this.life = new Life(this, spec, kernel, family, this.children);
    family.add(this.life);
    kernel.emit({ kind: 'spawned', path: this.path });
    this.wake();
  }

  get state(): ActorState {
    return this.life.state;
  }

  tell(message: M): boolean {
    if (this.life.isLeaving) {
      this.kernel.deadLetter(message, this.path, 'stopped');
      return false;
    }
    if (!this.mailbox.push(message)) return this.overflow(message);
    if (!this.queued && this.life.isOpen) this.wake();
    return true;
  }

  ask<R>(
    makeMessage: (reply: (value: R) => void) => M,
    options: { timeoutMs: number },
  ): Promise<R> {
    return ask(this.kernel, this, makeMessage, options.timeoutMs);
  }

  async stop(): Promise<void> {
    this.life.leave({ kind: 'stopped' });
    await firstValueFrom(this.termination);
  }

  run(budget: number): number {
    let received = 0;
    if (this.life.isDue) this.life.advance();
    else received = this.receiveSome(budget);
    this.queued = false;
    if (this.hasWork) this.wake();
    return received;
  }

  wake(): void {
    if (this.queued) return;
    this.queued = true;
    this.kernel.dispatcher.enqueue(this);
  }

  adopt<C>(spec: ActorSpec<C>): ActorRef<C> {
    return new ActorCell(spec, this.kernel, this.children);
  }

  signal(signal: Signal<M>): void {
    this.signals.push(signal);
    this.wake();
  }

  end(): void {
    this.life.end();
  }

  incarnationEnded(): void {
    // The mailbox is the actor's own, and stays.
    this.signals.length = 0;
  }

  gone(reason: StopReason): void {
    const { path } = this;
    while (this.mailbox.size > 0) this.kernel.deadLetter(this.mailbox.shift(), path, 'stopped');
    this.kernel.emit({ kind: 'stopped', path, reason });
    this.termination.next({ path, reason });
    this.termination.complete();
  }

  private get hasWork(): boolean {
    if (this.life.isDue) return true;
    return this.life.isOpen && (this.signals.length > 0 || this.mailbox.size > 0);
  }

  private receiveSome(budget: number): number {
    let received = 0;
    // Asked again each time: any message may crash the actor, end it, or leave it waiting.
    while (received < budget && this.life.isOpen) {
      const signal = this.signals.shift();
      if (signal?.canceled) continue;
      if (signal === undefined && this.mailbox.size === 0) break;
      received++;
      this.receive(signal);
    }
    return received;
  }

  private receive(signal: Signal<M> | undefined): void {
    const { receiver, scope } = this.life.incarnation as Required<Incarnation<M>>;
    let message: M | undefined;
    let result: void | Promise<void>;
    try {
      message = signal === undefined ? this.mailbox.shift() : open(signal);
      result = receiver.receive(message, scope);
    } catch (error) {
      this.crash(message, error);
      return;
    }
    if (!isThenable(result)) return;
    this.life.code.await(result, 'receiving', (failure) => {
      if (failure !== undefined) this.crash(message, failure.error);
      if (this.hasWork) this.wake();
    });
    // It may have been told to stop before its first await.
    if (this.life.isLeaving) this.life.code.hurry();
  }

  private crash(message: M | undefined, error: unknown): void {
    this.kernel.crashedOn(message, this.path, error);
    this.life.fail(error, 'receiving');
  }

  private overflow(message: M): boolean {
    if (this.spec.mailbox.overflow === 'reject') {
      this.kernel.deadLetter(message, this.path, 'mailbox full');
      return false;
    }
    const oldest = this.mailbox.shift();
    this.mailbox.push(message);
    this.kernel.deadLetter(oldest, this.path, 'dropped as oldest');
    return true;
  }
}

const open = <M>(signal: Signal<M>): M => {
  signal.waiting = false;
  return signal.message();
};
