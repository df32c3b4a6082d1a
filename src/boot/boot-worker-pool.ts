import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { deferred } from '../actors/executor/deferred.js';
import { ActorSystem } from '../actors/kernel/actor-system.js';
import type { ActorContext, ActorSpec } from '../actors/kernel/behavior.js';
import { planWorker, workerOptionNames } from '../actors/worker-options.js';
import { InvalidOptionError } from '../redis/errors.js';
import { checkKnown } from '../redis/known-options.js';
import type { BootOptions } from './boot-worker.js';
import type { MemberReport } from './pool-member.js';

export interface PoolOptions extends Omit<BootOptions, 'on' | 'handleSignals' | 'name'> {
  /** How many workers, each in a process of its own. */
  workers: number;
  /** More deaths of one place within a minute and the pool gives up. Default 5. */
  mostDeaths?: number;
  /** Whether SIGTERM and SIGINT stop the pool: the first warmly, the second at once. Default true. */
  handleSignals?: boolean;
  on?: PoolEvents;
}

export interface PoolEvents {
  onUp?(slot: number, name: string, handlers: readonly string[]): void;
  /** A worker's process ended. It is started anew, unless the pool stops or was to work in a burst. */
  onExit?(slot: number, code: number | null, signal: string | null): void;
  /** Something that an operator may have to see to; the pool goes on. Nobody listens: a warning of the process. */
  onTrouble?(slot: number, message: string): void;
}

/** What all workers of a pool did. */
export interface PoolSummary {
  finished: number;
  failed: number;
  left: readonly string[];
}

/** A pool whose workers have all been up. */
export interface RunningPool {
  /** Resolves when every worker has stopped; rejects when the pool had to give up. */
  readonly done: Promise<PoolSummary>;
  /** Warmly the first time, at once the second time. */
  stop(): Promise<PoolSummary>;
  /** Process ids of the workers that live now. */
  readonly pids: readonly number[];
}

/** The workers of a pool die faster than it may start them, or did not come up. */
export class PoolGaveUpError extends Error {
  override readonly name = 'PoolGaveUpError';
}

// No name: two workers may not have the same.
const known: ReadonlySet<string> = new Set([
  'workers',
  'mostDeaths',
  'handleSignals',
  'on',
  'handlers',
  'container',
  ...workerOptionNames.filter((option) => option !== 'name'),
]);

/**
 * Boots several workers, each in a process of its own, and starts those anew that die. Resolves once all are up.
 * RQ: `WorkerPool`.
 *
 * @throws InvalidOptionError, InvalidNameError; PoolGaveUpError when one does not come up
 */
export const bootWorkerPool = async (options: PoolOptions): Promise<RunningPool> => {
  checkKnown(options, known);
  const { workers, mostDeaths = 5, handleSignals = true, on = {}, ...boot } = options;
  for (const [option, value] of Object.entries({ workers, mostDeaths })) {
    if (!(Number.isSafeInteger(value) && value >= 1 && value <= 1_000))
      throw new InvalidOptionError(option, 'it must be a whole number from 1 to 1000');
  }
  const { handlers, container: _container, ...plan } = boot;
  planWorker(plan);
  const member = {
    ...boot,
    handlers: [handlers].flat().map(String),
    ...(boot.container !== undefined && { container: String(boot.container) }),
  };
  const pool = new Pool(workers, mostDeaths, member, on);
  if (handleSignals) pool.heedSignals();
  try {
    await pool.start();
  } catch (error) {
    // Nobody of it must stay behind.
    await pool.done.catch(() => undefined);
    throw error;
  }
  return pool;
};

type MemberMessage = { kind: 'exited'; code: number | null; signal: string | null };

class Pool implements RunningPool {
  // With #, as it holds where Redis is and the keys: nothing that prints objects sees it.
  readonly #member: BootOptions;
  private readonly children = new Map<number, ChildProcess>();
  private readonly up = new Set<number>();
  private readonly ready = deferred<void>();
  private readonly end = deferred<PoolSummary>();
  private readonly system: ActorSystem;
  private readonly summary = { finished: 0, failed: 0, left: [] as string[] };
  private stopsAsked = 0;
  private ended = 0;
  private trouble: PoolGaveUpError | null = null;

  constructor(
    private readonly size: number,
    private readonly mostDeaths: number,
    member: BootOptions,
    private readonly on: PoolEvents,
  ) {
    this.#member = member;
    this.end.promise.catch(() => undefined);
    this.ready.promise.catch(() => undefined);
    this.system = new ActorSystem({ onFatal: (error) => this.giveUp(error) });
  }

  get done(): Promise<PoolSummary> {
    return this.end.promise;
  }

  get pids(): readonly number[] {
    return [...this.children.values()].flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  }

  start(): Promise<void> {
    for (let slot = 0; slot < this.size; slot++) this.system.spawn(this.keeper(slot));
    return this.ready.promise;
  }

  stop(): Promise<PoolSummary> {
    this.stopsAsked += 1;
    for (const child of this.children.values()) child.kill('SIGTERM');
    this.endWhenEmpty();
    return this.done;
  }

  heedSignals(): void {
    const onSignal = (): void => void this.stop().catch(() => undefined);
    const off = (): void => {
      process.off('SIGTERM', onSignal);
      process.off('SIGINT', onSignal);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
    this.done.then(off, off);
  }

  // One that ends in peace is started anew at once, and counts for nothing; a death is a crash of its keeper.
  private keeper(slot: number): ActorSpec<MemberMessage> {
    return {
      name: `worker-${slot}`,
      restart: 'transient',
      restartLimit: { restarts: this.mostDeaths, withinMs: 60_000 },
      backoff: { firstMs: 200, maxMs: 5_000, resetAfterMs: 60_000 },
      mailbox: { capacity: 16, overflow: 'reject' },
      behavior: (context) => ({
        started: () => this.launch(slot, context),
        receive: ({ code, signal }) => {
          const isDeath = code !== 0;
          if (this.stopsAsked > 0 || (!isDeath && this.#member.burst)) {
            this.ended += 1;
            context.end();
            this.endWhenEmpty();
          } else if (isDeath) {
            const how = signal === null ? `code ${code}` : signal;
            throw new PoolGaveUpError(`worker ${slot} of the pool ended with ${how}`);
          } else this.launch(slot, context);
        },
      }),
    };
  }

  private launch(slot: number, context: ActorContext<MemberMessage>): void {
    if (this.stopsAsked > 0) {
      context.self.tell({ kind: 'exited', code: 0, signal: null });
      return;
    }
    // In a process group of its own: Ctrl-C on the terminal reaches the pool alone, which passes it on once.
    const child = fork(fileURLToPath(new URL('./pool-member.js', import.meta.url)), {
      serialization: 'advanced',
      detached: true,
    });
    this.children.set(slot, child);
    child.on('message', (report) => this.heed(slot, report as MemberReport));
    child.once('error', (error) => this.tell(slot, error.message));
    child.once('close', (code, signal) => {
      this.children.delete(slot);
      this.on.onExit?.(slot, code, signal);
      context.self.tell({ kind: 'exited', code, signal });
    });
    child.send(this.#member, () => undefined);
  }

  private heed(slot: number, report: MemberReport): void {
    switch (report.kind) {
      case 'up':
        this.up.add(slot);
        this.on.onUp?.(slot, report.name, report.handlers);
        if (this.up.size === this.size) this.ready.resolve();
        break;
      case 'trouble':
        this.tell(slot, report.message);
        break;
      case 'stopped':
        this.summary.finished += report.finished;
        this.summary.failed += report.failed;
        this.summary.left.push(...report.left);
        break;
      case 'gaveUp':
        this.tell(slot, report.message);
        // What never came up will not: a module that does not load fails the pool at once.
        if (!this.up.has(slot))
          this.giveUp(new PoolGaveUpError(`${report.error}: ${report.message}`));
        break;
    }
  }

  private tell(slot: number, message: string): void {
    if (this.on.onTrouble) this.on.onTrouble(slot, message);
    else process.emitWarning(`worker ${slot} of the pool: ${message}`);
  }

  private giveUp(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.trouble ??= new PoolGaveUpError(`The pool gave up: ${message}`);
    this.ready.reject(this.trouble);
    void this.stop();
  }

  private endWhenEmpty(): void {
    if (this.children.size > 0) return;
    if (this.stopsAsked === 0 && this.ended < this.size) return;
    void this.system.stop({ deadlineMs: 1_000 });
    this.ready.reject(this.trouble ?? new PoolGaveUpError('The pool was stopped while it started'));
    if (this.trouble) this.end.reject(this.trouble);
    else this.end.resolve(this.summary);
  }
}
