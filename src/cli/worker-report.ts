import type { JobToRun } from '../actors/job-to-run.js';
import { settlementOf } from '../actors/settlement-of.js';
import type { Settled, WorkerEvents, WorkerSummary } from '../index.js';
import { decodeCall } from '../redis/payload/index.js';
import { escapeText } from './escape.js';
import { clockText } from './event-line.js';
import type { Io } from './io.js';
import { logfmt } from './logfmt.js';
import { OutputLines } from './output-lines.js';
import { StatusLine } from './status-line.js';
import { Thinning } from './thinning.js';
import { troubleText } from './trouble-text.js';

export interface ReportSettings {
  queues: readonly string[];
  concurrency: number;
  json: boolean;
  /** No line for a job that finished. */
  quiet?: boolean;
  /** Removes what must not be shown from the text of an error. */
  redact(text: string): string;
}

/** One line of a worker's output: an event, when it was, and its fields. */
type Line = { event: string; at: string } & Record<string, unknown>;

const terminalLinesPerSecond = 20;
const logLinesPerSecond = 200;
const outputLinesPerSecond = 1_000;
const terminalOutputLinesPerSecond = 200;
/** A reader that is so far behind gets no more lines: the worker must not fill its memory with them. */
const mostBacklogBytes = 1_048_576;
const troubleAgainMs = 10_000;
const rateOverSeconds = 5;

/**
 * What a worker does, told on stdout: on a terminal a line for each job above a live status, elsewhere
 * `key=value` lines, with `--json` objects. Lines are thinned where there are too many to read, and their
 * number is told; counting them costs next to nothing, so that the worker is not slowed.
 */
export class WorkerReport {
  private readonly status: StatusLine | null;
  private readonly budgets: { jobs: Thinning; failures: Thinning; output: Thinning };
  private readonly output: OutputLines;
  private readonly troubles = new Map<string, number>();
  private readonly doneAt: number[] = [0];
  private readonly ticker: NodeJS.Timeout;
  private readonly running = new Set<string>();
  private done = 0;
  private failed = 0;

  constructor(
    private readonly io: Io,
    private readonly settings: ReportSettings,
  ) {
    const isLive = io.isTerminal && !settings.json;
    const linesPerSecond = isLive ? terminalLinesPerSecond : logLinesPerSecond;
    this.budgets = {
      jobs: new Thinning(linesPerSecond),
      failures: new Thinning(linesPerSecond),
      output: new Thinning(isLive ? terminalOutputLinesPerSecond : outputLinesPerSecond),
    };
    this.output = new OutputLines((jobId, stream, text) => this.outputLine(jobId, stream, text));
    this.status = isLive ? new StatusLine(io, () => this.statusText()) : null;
    this.ticker = setInterval(() => this.tick(), 1_000).unref();
  }

  /** For `bootWorker`. */
  readonly events: WorkerEvents = {
    onStarted: (jobs) => {
      for (const { execution } of jobs) this.running.add(execution);
    },
    onSettled: (settled) => this.settled(settled),
    onOutput: (job, stream, text) => this.takeOutput(job, stream, text),
    onSuspended: (isSuspended) => this.suspended(isSuspended),
    onTrouble: (error) => this.trouble(error),
  };

  takeOutput(job: Pick<JobToRun, 'jobId'> | null, stream: 'stdout' | 'stderr', text: string): void {
    this.output.take(job?.jobId ?? null, stream, text);
  }

  /** Jobs that are at work or held now. */
  get inHand(): number {
    return this.running.size;
  }

  up(worker: string, handlers: readonly string[], isolation: string): void {
    const { queues, concurrency } = this.settings;
    this.print({ event: 'up', at: now(), worker, queues, concurrency, isolation, handlers }, () => {
      const names =
        handlers.length > 8 ? `${handlers.slice(0, 8).join(', ')}, …` : handlers.join(', ');
      return `${this.io.colors.bold(escapeText(worker))} works on ${escapeText(queues.join(', '))}, ${concurrency} at a time; handlers: ${escapeText(names)}`;
    });
  }

  stopping(signal: string, isCold: boolean, graceMs: number): void {
    const how = isCold ? 'cold' : 'warm';
    this.print({ event: 'stopping', at: now(), signal, how, inHand: this.inHand }, () => {
      if (isCold)
        return this.io.colors.yellow(
          `${signal} again: stopping now, running jobs go back to their queues`,
        );
      const grace =
        graceMs === Number.POSITIVE_INFINITY
          ? 'until they are done'
          : `at most ${graceMs / 1_000} s`;
      return this.io.colors.yellow(
        `${signal}: no new jobs; waiting for ${this.inHand} in hand, ${grace} (once more to stop now)`,
      );
    });
  }

  private suspended(isSuspended: boolean): void {
    this.print({ event: isSuspended ? 'suspended' : 'resumed', at: now() }, () =>
      this.io.colors.yellow(
        isSuspended
          ? 'all workers are suspended: no new jobs until `rxrq resume`'
          : 'resumed: taking jobs again',
      ),
    );
  }

  stopped(summary: WorkerSummary): void {
    this.end();
    const { finished, failed, left } = summary;
    this.print({ event: 'stopped', at: now(), finished, failed, left }, () => {
      const rest =
        left.length > 0
          ? `, ${left.length} left (they run again elsewhere): ${escapeText(left.join(' '))}`
          : '';
      return `stopped: ${finished} finished, ${failed} failed${rest}`;
    });
  }

  /** No more status, and nothing held back. */
  end(): void {
    clearInterval(this.ticker);
    this.output.flush();
    this.tick();
    this.status?.end();
  }

  private settled({ job, outcome, verdict, tookMs }: Settled): void {
    this.running.delete(job.execution);
    if (verdict === 'finished') this.done += 1;
    if (verdict === 'quarantined' || verdict === 'stopped') this.failed += 1;
    this.output.flush(job.jobId);
    if (this.settings.quiet && verdict === 'finished') return;
    const budget = verdict === 'finished' ? this.budgets.jobs : this.budgets.failures;
    if (!this.mayPrint(budget)) return;
    const end = settlementOf(outcome);
    const reason = end.kind === 'finish' ? undefined : end.reason;
    const name = nameOf(job);
    const took = Math.round(tookMs);
    const { queue, jobId, attempt } = job;
    this.print(
      { event: verdict, at: now(), queue, jobId, name, attempt, tookMs: took, reason },
      () => {
        const { colors } = this.io;
        const mark =
          verdict === 'finished'
            ? colors.green('✔')
            : verdict === 'quarantined'
              ? colors.red('✖')
              : colors.yellow('↻');
        const what =
          verdict === 'finished'
            ? `${took} ms`
            : `${verdict === 'quarantined' ? 'failed' : verdict}: ${escapeText(reason ?? '', 300)}`;
        return `${colors.dim(clockText(Date.now()))} ${mark} ${escapeText(queue)} ${escapeText(name)} ${colors.dim(escapeText(jobId))} ${what}`;
      },
    );
  }

  private outputLine(jobId: string | null, stream: string, text: string): void {
    if (!this.mayPrint(this.budgets.output)) return;
    this.print({ event: 'output', at: now(), jobId, stream, text }, () => {
      const prefix = `${escapeText(jobId ?? 'worker')} ${stream === 'stderr' ? '!' : '|'}`;
      return `${this.io.colors.cyan(prefix)} ${escapeText(text.replaceAll('\t', '    '), 8_192)}`;
    });
  }

  // Redis away is reported by every part that needs it, again and again: once in a while is enough.
  private trouble(error: unknown): void {
    const message = this.settings.redact(troubleText(error));
    const nowMs = performance.now();
    if (nowMs - (this.troubles.get(message) ?? Number.NEGATIVE_INFINITY) < troubleAgainMs) return;
    if (this.troubles.size > 100) this.troubles.clear();
    this.troubles.set(message, nowMs);
    this.print({ event: 'trouble', at: now(), message }, () =>
      this.io.colors.yellow(`! ${escapeText(message)}`),
    );
  }

  private tick(): void {
    this.doneAt.push(this.done + this.failed);
    if (this.doneAt.length > rateOverSeconds + 1) this.doneAt.shift();
    const { jobs, failures, output } = this.budgets;
    const [jobLines, failureLines, outputLines] = [jobs, failures, output].map((budget) =>
      budget.takeLeftOut(),
    ) as [number, number, number];
    const lines = jobLines + failureLines + outputLines;
    if (lines === 0) return;
    this.print({ event: 'leftOut', at: now(), lines, jobLines, failureLines, outputLines }, () =>
      this.io.colors.dim(
        `… ${lines} lines left out (${jobLines} finished, ${failureLines} not finished, ${outputLines} of output)`,
      ),
    );
  }

  private mayPrint(budget: Thinning): boolean {
    return budget.allows(this.io.backlogBytes < mostBacklogBytes);
  }

  private statusText(): string {
    const seconds = Math.max(this.doneAt.length - 1, 1);
    const rate = ((this.doneAt.at(-1) ?? 0) - (this.doneAt[0] ?? 0)) / seconds;
    const { queues, concurrency } = this.settings;
    const parts = [
      queues.join(', '),
      `${Math.min(this.running.size, concurrency)} running`,
      `${this.done} done`,
      `${this.failed} failed`,
      `${rate < 10 ? rate.toFixed(1) : Math.round(rate)} jobs/s`,
    ];
    return escapeText(parts.join(' · '));
  }

  private print(line: Line, pretty: () => string): void {
    if (this.settings.json) this.io.json(line);
    else if (this.status) this.status.above(pretty());
    else this.io.out(logfmt(line));
  }
}

const now = (): string => new Date().toISOString();

// The name is in the payload, which the parent has no other use for: read only for lines that are printed.
const nameOf = (job: JobToRun): string => {
  try {
    return decodeCall(job.data).call.functionName;
  } catch {
    return '?';
  }
};
