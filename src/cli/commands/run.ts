import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import type { LogEvent } from '../../index.js';
import { JobFailedError, ResultTimeoutError } from '../../streams/errors.js';
import type { Job } from '../../streams/job.js';
import type { Rq } from '../../streams/rq.js';
import { parseTypedArguments } from '../call-arguments.js';
import { type CommonOptions, withCommonOptions, withRq } from '../connect.js';
import { escapeText } from '../escape.js';
import { logTexts, progressText } from '../event-line.js';
import { ExitError, exitCodes } from '../exit.js';
import type { Io } from '../io.js';
import { duration, seconds } from '../option-values.js';
import { errorLine, usefulTraceback } from '../traceback.js';
import { jsonMember, printResult } from '../value-text.js';
import { argumentHelp } from './enqueue.js';

interface RunOptions extends CommonOptions {
  queue: string;
  timeout?: number;
  wait?: number;
}

/** As long as a timer can run: some 24 days. */
const noLimitMs = 2 ** 31 - 1;
const lonelyAfterMs = 3_000;
/** A result can be seen before the log's last lines have come. */
const lastWordsMs = 300;

/** `rxrq run`: enqueues a job, tells how it goes on stderr, and prints its result. */
export const runCommand = (program: Command, io: Io): void => {
  withCommonOptions(program.command('run'))
    .description('run a job on a worker, follow it, and print its result')
    .argument('<name>', 'the handler, such as tasks.add')
    .argument('[args...]', 'its arguments')
    .option('-q, --queue <queue>', 'which queue', 'default')
    .option(
      '--timeout <duration>',
      'how long a run may take (default: 180; -1: no limit)',
      duration,
    )
    .option('--wait <seconds>', 'how long to wait for the result (default: for ever)', seconds(0))
    .addHelpText(
      'after',
      `${argumentHelp}\nHere a bare number, true, false and null are what they look like.`,
    )
    .action((name: string, args: string[], options: RunOptions) => run(io, name, args, options));
};

const run = async (io: Io, name: string, given: string[], options: RunOptions): Promise<void> => {
  const { args, kwargs } = parseTypedArguments(given);
  await withRq(io, options, async (rq) => {
    const queue = rq.queue(options.queue);
    const jobId = randomUUID();
    const story = new Story(io, jobId);
    // The place in the log is fixed before the job exists, so that its first words are heard too.
    const events$ = await queue.events('now').ready();
    const listening = events$.subscribe((event) => story.hear(event));
    const lonely = setTimeout(
      () => void tellWhenLonely(io, rq, options.queue),
      lonelyAfterMs,
    ).unref();
    try {
      const timeout = options.timeout !== undefined && { timeoutSeconds: options.timeout };
      const job = await queue.enqueueWith({ jobId, kwargs, ...timeout }, name, ...args);
      io.onSignal((signal) => {
        io.err(`Not waiting any more; the job goes on: rxrq job ${jobId}`);
        process.exit(signal === 'SIGINT' ? exitCodes.interrupted : 143);
      });
      await report(io, job, story, options);
    } finally {
      clearTimeout(lonely);
      listening.unsubscribe();
    }
  });
};

const report = async (io: Io, job: Job, story: Story, options: RunOptions): Promise<void> => {
  const timeoutMs = options.wait === undefined ? noLimitMs : options.wait * 1_000;
  const about = { jobId: job.id, queue: job.queue };
  try {
    const result = await job.result({ timeoutMs });
    await story.end();
    if (options.json) io.json({ ...about, status: 'finished', result: jsonMember(result) });
    else printResult(io, result);
  } catch (error) {
    if (error instanceof ResultTimeoutError) {
      if (options.json)
        io.json({ ...about, status: 'waiting', reason: `no result within ${options.wait} s` });
      throw new ExitError(
        exitCodes.failed,
        `no result within ${options.wait} s; the job goes on: rxrq job ${job.id}`,
      );
    }
    if (!(error instanceof Error) || !/^Job(Failed|Canceled|Expired)Error$/.test(error.name))
      throw error;
    await story.end();
    const traceback = error instanceof JobFailedError ? error.traceback : '';
    const status =
      error instanceof JobFailedError
        ? 'failed'
        : error.name === 'JobCanceledError'
          ? 'canceled'
          : 'gone';
    const reason = errorLine(traceback) || error.message;
    if (options.json) io.json({ ...about, status, reason, traceback });
    io.err(io.errorColors.red(`✖ ${escapeText(error.message)}`));
    for (const line of usefulTraceback(traceback)) io.err(`  ${line}`);
    if (status === 'failed') io.err(`To run it again: rxrq requeue ${job.id}`);
    throw new ExitError(exitCodes.failed);
  }
};

/** What the log tells of one job while it runs. */
class Story {
  private hasEnded: () => void = () => undefined;
  private readonly ended = new Promise<void>((resolve) => {
    this.hasEnded = resolve;
  });
  private lastProgress = '';

  constructor(
    private readonly io: Io,
    private readonly jobId: string,
  ) {}

  hear(event: LogEvent): void {
    if (event.kind === 'gap' || event.jobId !== this.jobId) return;
    const { dim, yellow } = this.io.errorColors;
    if (event.kind === 'started') this.io.err(dim(`started by ${escapeText(event.worker)}`));
    if (event.kind === 'progressed') {
      const text = progressText(event.progress);
      if (text !== this.lastProgress) this.io.err(dim(`progress ${text}`));
      this.lastProgress = text;
    }
    if (event.kind === 'logged')
      for (const line of logTexts(event.lines)) this.io.err(dim(`log ${line}`));
    if (event.kind === 'retried')
      this.io.err(
        yellow(`failed, runs again (${escapeText(String(event.retriesLeft))} retries left)`),
      );
    if (event.kind === 'recovered') this.io.err(yellow('its worker was lost, runs again'));
    if (['finished', 'quarantined', 'canceled', 'deleted'].includes(event.kind)) this.hasEnded();
  }

  /** Resolves when all was heard. Python's workers write no events: their end is not waited for. */
  async end(): Promise<void> {
    await Promise.race([this.ended, new Promise((resolve) => setTimeout(resolve, lastWordsMs))]);
  }
}

const tellWhenLonely = async (io: Io, rq: Rq, queue: string): Promise<void> => {
  const workers = await rq.workers([queue]).catch(() => null);
  if (workers?.length === 0) {
    io.err(
      io.errorColors.yellow(`No worker listens to queue ${escapeText(queue)}; waiting for one.`),
    );
  }
};
