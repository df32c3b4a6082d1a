import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type {
  Begun,
  Ended,
  ExecutorEvents,
  ExecutorExit,
  Note,
} from '../../../../src/actors/executor/executor.js';
import {
  ExecutorProcess,
  type ExecutorProcessOptions,
} from '../../../../src/actors/executor/executor-process.js';
import type { Outcome, SerializedError } from '../../../../src/actors/outcome.js';
import { encodeCall } from '../../../../src/redis/payload/call.js';

export const fixture = (name: string): string =>
  new URL(`../fixtures/${name}`, import.meta.url).href;

export interface JobOptions {
  kwargs?: Record<string, unknown>;
  timeoutMs?: number | null;
  meta?: Buffer | null;
}

/** A claimed job that calls `jobs.<name>`, or the name as given when it has a dot. */
export const job = (name: string, args: unknown[] = [], options: JobOptions = {}) => {
  const functionName = name.includes('.') || name.includes(' ') ? name : `jobs.${name}`;
  const id = randomUUID();
  return {
    jobId: id,
    execution: id.replaceAll('-', ''),
    queue: 'default',
    attempt: 1,
    timeoutMs: options.timeoutMs ?? null,
    data: encodeCall({ functionName, instance: null, args, kwargs: options.kwargs ?? {} }),
    meta: options.meta ?? null,
  };
};

export type LabJob = ReturnType<typeof job>;

/** For what must not be told. */
export const fail = (error: Error): void => {
  throw error;
};

/** Resolves once the fact holds; rejects when it does not within the time. */
export const until = async (what: string, holds: () => boolean, withinMs = 30_000) => {
  const deadline = performance.now() + withinMs;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

/** Whether a process runs; a zombie that nobody reaped yet does not. */
export const isAlive = (pid: number): boolean => {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return false;
  }
};

export const rss = (pid: number | 'self'): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) * 1024;

/** An outcome with the fields of every kind, so that a test may ask for the one it expects. */
export interface SeenOutcome {
  kind: Outcome['kind'];
  result: Buffer;
  error: SerializedError;
  detail: string;
  reason: string;
}

export interface SeenEnd extends Omit<Ended, 'outcome'> {
  outcome: SeenOutcome;
}

/** Collects what an executor tells, and lets a test await the end of one job. */
export class Ledger {
  readonly ended: SeenEnd[] = [];
  readonly begun: Begun[] = [];
  readonly notes: { jobId: string; note: Note }[] = [];
  readonly exits: ExecutorExit[] = [];
  readonly leaving: string[] = [];
  readonly batches: number[] = [];
  output = '';
  readonly #waiting = new Map<string, (ended: SeenEnd) => void>();

  readonly events: ExecutorEvents = {
    onBegun: (begun) => void this.begun.push(...begun),
    onEnded: (batch) => {
      this.batches.push(batch.length);
      for (const ended of batch as readonly SeenEnd[]) {
        this.ended.push(ended);
        this.#waiting.get(ended.job.execution)?.(ended);
      }
    },
    onNote: ({ jobId }, note) => void this.notes.push({ jobId, note }),
    onOutput: (_job, _stream, text) => {
      this.output += text;
    },
    onLeaving: (reason) => void this.leaving.push(reason),
    onExit: (exit) => void this.exits.push(exit),
  };

  endOf(given: LabJob): Promise<SeenEnd> {
    return new Promise((resolve) => this.#waiting.set(given.execution, resolve));
  }

  endings(given: LabJob): number {
    return this.ended.filter((ended) => ended.job.execution === given.execution).length;
  }
}

const started = new Set<ExecutorProcess>();

/** A child that is ready, with the fixture handlers. Ended by `endAll` at the latest. */
export const startChild = async (options: Partial<ExecutorProcessOptions> = {}) => {
  const ledger = new Ledger();
  const executor = new ExecutorProcess(
    { modules: [fixture('jobs.js')], graceMs: 150, ...options },
    ledger.events,
  );
  started.add(executor);
  const names = await executor.start();
  const run = (given: LabJob) => {
    const end = ledger.endOf(given);
    executor.run([given]);
    return end;
  };
  /** Hands over one job and gives its outcome. */
  const outcome = async (name: string, args: unknown[] = [], jobOptions: JobOptions = {}) =>
    (await run(job(name, args, jobOptions))).outcome;
  return { executor, ledger, names, run, outcome, pid: executor.pid as number };
};

/** For `afterEach`: no test leaves a process behind. */
export const endAll = async () => {
  for (const executor of started) executor.kill();
  for (const executor of started) await executor.stop({ graceMs: 0 });
  started.clear();
};
