import { type BackoffStep, nextBackoff } from './backoff.js';
import type { ActorRef, RestartPolicy, Supervision } from './behavior.js';
import { DEFAULT_RESTART_LIMIT, type Directive, recordRestart } from './directive.js';
import { ActorNameTakenError, RestartLimitError, SupervisionError } from './errors.js';
import type { Kernel } from './kernel.js';
import type { Activity, StopReason } from './kernel-event.js';

/** An actor, as its supervisor moves it. A second `goDown` or `comeUp` takes the place of the first. */
export interface Child {
  readonly ref: ActorRef<never>;
  readonly policy: RestartPolicy;
  /** Since its last start; 0 while it is not up. */
  readonly upMs: number;
  /** Ends the incarnation; the mailbox stays. */
  goDown(done: () => void): void;
  comeUp(delayMs: number, done: () => void): void;
  leave(reason: StopReason): void;
  /** Gone at once, together with its children, whatever they are at. */
  abandon(afterMs: number): void;
}

interface Member {
  child: Child;
  restarts: readonly number[];
  backoff: BackoffStep | undefined;
}

/** The children of one actor, in the order of their start, and what happens when one of them fails. */
export class Family {
  private readonly members: Member[] = [];
  private readonly paths = new Set<string>();
  private onEmpty: (() => void) | undefined;

  constructor(
    private readonly kernel: Kernel,
    private readonly path: string,
    private readonly supervision: Supervision,
    private readonly escalate: (error: unknown) => void,
  ) {}

  pathOf(name: string): string {
    const path = `${this.path}/${name}`;
    if (this.paths.has(path)) throw new ActorNameTakenError(path);
    return path;
  }

  add(child: Child): void {
    this.paths.add(child.ref.path);
    this.members.push({ child, restarts: [], backoff: undefined });
  }

  remove(child: Child): void {
    this.paths.delete(child.ref.path);
    // Ending starts with the youngest, so the search does, too.
    this.members.splice(
      this.members.findLastIndex((member) => member.child === child),
      1,
    );
  }

  failed(child: Child, error: unknown, during: Activity): void {
    const member = this.members.find((each) => each.child === child);
    if (member === undefined) return;
    const { directive, cause } = this.judge(member, error, during);
    this.kernel.emit({ kind: 'crashed', path: child.ref.path, error, during, directive });
    if (directive === 'stop') child.leave({ kind: 'crashed', error });
    if (directive === 'restart') this.restart(member);
    if (directive === 'escalate') {
      child.leave({ kind: 'escalated', error: cause });
      this.kernel.emit({ kind: 'escalated', path: child.ref.path, error: cause });
      this.escalate(cause);
    }
  }

  /** Stops all; `done` is called when the last one is gone. */
  stopAll(done: () => void): void {
    this.onEmpty = done;
    if (this.supervision.stopOrder === 'together') {
      for (const child of this.youngestFirst()) child.leave({ kind: 'stopped' });
    }
    this.afterRemoval();
  }

  abandonAll(afterMs: number): void {
    for (const child of this.youngestFirst()) child.abandon(afterMs);
  }

  /** Goes on with `stopAll`, if that is under way. */
  afterRemoval(): void {
    if (this.onEmpty === undefined) return;
    const youngest = this.members.at(-1);
    if (youngest !== undefined) {
      youngest.child.leave({ kind: 'stopped' });
      return;
    }
    const done = this.onEmpty;
    this.onEmpty = undefined;
    done();
  }

  private youngestFirst(): Child[] {
    return this.members.map((member) => member.child).reverse();
  }

  /** The directive that is carried out, and the error that travels on if it escalates. */
  private judge(member: Member, error: unknown, during: Activity) {
    if (this.onEmpty !== undefined) return { directive: 'stop' as const, cause: error };
    const { child } = member;
    let directive: Directive;
    try {
      directive = this.supervision.directiveFor?.(error, child.ref) ?? 'restart';
    } catch (thrown) {
      const cause = new SupervisionError(child.ref.path, error, thrown);
      return { directive: 'escalate' as const, cause };
    }
    // There is nothing to resume yet.
    if (directive === 'resume' && during === 'starting') directive = 'restart';
    if (directive === 'restart' && child.policy.restart === 'temporary') directive = 'stop';
    if (directive !== 'restart') return { directive, cause: error };

    const limit = child.policy.restartLimit ?? DEFAULT_RESTART_LIMIT;
    const restarts = recordRestart(member.restarts, this.kernel.clock.now(), limit);
    if (restarts !== null) {
      member.restarts = restarts;
      return { directive, cause: error };
    }
    const cause = new RestartLimitError(child.ref.path, limit.restarts, limit.withinMs, error);
    return { directive: 'escalate' as const, cause };
  }

  private restart(member: Member): void {
    const affected = this.affectedBy(member);
    const delayMs = this.delayBefore(member);
    inOrder(
      affected.toReversed(),
      ({ child }, next) => {
        // A sibling that never comes back is not taken down for a restart, but for good.
        if (child.policy.restart === 'temporary') child.leave({ kind: 'stopped' });
        child.goDown(next);
      },
      () => this.bringUp(affected, delayMs),
    );
  }

  private bringUp(affected: Member[], delayMs: number): void {
    inOrder(affected, (each, next) => {
      each.child.comeUp(each === affected[0] ? delayMs : 0, next);
    });
  }

  // Whoever fails while a round of restarts is under way begins a new one, which takes over the
  // rest of the old: all older siblings are up then, since each waits for the one before it.
  private affectedBy(member: Member): Member[] {
    if (this.supervision.strategy !== 'restForOne') return [member];
    return this.members.slice(this.members.indexOf(member));
  }

  private delayBefore(member: Member): number {
    const { backoff } = member.child.policy;
    if (backoff === undefined) return 0;
    const { upMs } = member.child;
    member.backoff = nextBackoff(member.backoff, upMs, backoff, this.kernel.random());
    return member.backoff.delayMs;
  }
}

/** Takes one step after the other; each says itself when it is over. */
const inOrder = <T>(
  items: readonly T[],
  step: (item: T, next: () => void) => void,
  done?: () => void,
): void => {
  const [first, ...rest] = items;
  if (first === undefined) done?.();
  else step(first, () => inOrder(rest, step, done));
};
