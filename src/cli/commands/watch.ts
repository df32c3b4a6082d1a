import { type Command, Option } from 'commander';
import type { Observable, Subscription } from 'rxjs';
import type { LogEvent } from '../../index.js';
import { parseCursor } from '../../redis/lifecycle-event.js';
import type { Rq } from '../../streams/rq.js';
import { type CommonOptions, shownTarget, withCommonOptions, withRq } from '../connect.js';
import { escapeText } from '../escape.js';
import { clockText, eventDetail, eventKinds, kindText } from '../event-line.js';
import { UsageError } from '../exit.js';
import type { Io } from '../io.js';

interface WatchOptions extends CommonOptions {
  from: string;
  kind?: string[];
}

const lookForQueuesEveryMs = 2_000;
/** A reader that is so far behind loses events, and is told how many: they are all in the log. */
const mostBacklogBytes = 16 * 1_048_576;

/** `rxrq watch`: the tail of the event logs, until Ctrl-C. Goes on where it was when Redis comes back. */
export const watchCommand = (program: Command, io: Io): void => {
  withCommonOptions(program.command('watch'))
    .description('follow what happens to jobs, one line an event')
    .argument('[queues...]', 'which queues (default: all, new ones too)')
    .option('--from <place>', 'now, start, or a cursor of an event', 'now')
    .addOption(new Option('--kind <kinds...>', 'only these kinds of event').choices(eventKinds))
    .action((queues: string[], options: WatchOptions) => watch(io, queues, options));
};

const watch = async (io: Io, queues: string[], options: WatchOptions): Promise<void> => {
  checkFrom(queues, options.from);
  await withRq(io, options, async (rq, url) => {
    for (const queue of queues) rq.queue(queue);
    const tail = new Tail(io, options);
    const known = queues.length > 0 ? queues : await rq.queueNames();
    // Said only when nothing can be missed any more: who starts a job at this word sees it.
    await tail.follow(rq, known, options.from);
    if (queues.length === 0) tail.followNew(rq, known);
    io.err(
      io.errorColors.dim(
        `watching ${escapeText(queues.join(', ')) || 'all queues'} at ${shownTarget(url)}`,
      ),
    );
    await new Promise<never>(() => undefined);
  });
};

const checkFrom = (queues: readonly string[], from: string): void => {
  if (from === 'now' || from === 'start') return;
  if (!parseCursor(from))
    throw new UsageError(`--from must be now, start or a cursor such as 1700000000000-0.0`);
  if (from.includes('.') && queues.length !== 1) {
    throw new UsageError('a cursor belongs to one queue: name just that one');
  }
};

class Tail {
  private readonly kinds: ReadonlySet<string> | null;
  private readonly subscriptions: Subscription[] = [];
  private leftOut = 0;

  constructor(
    private readonly io: Io,
    private readonly options: WatchOptions,
  ) {
    this.kinds = options.kind ? new Set(options.kind) : null;
  }

  async follow(rq: Rq, queues: readonly string[], from: string): Promise<void> {
    const events$: Observable<LogEvent> = await rq.events(queues, from).ready();
    this.subscriptions.push(events$.subscribe((event) => this.print(event)));
  }

  /** A queue that comes up later is followed from its first event. */
  followNew(rq: Rq, queues: readonly string[]): void {
    const known = new Set(queues);
    setInterval(async () => {
      // Redis is away: the next look will do.
      const names = await rq.queueNames().catch(() => []);
      const fresh = names.filter((name) => !known.has(name));
      for (const name of fresh) known.add(name);
      if (fresh.length > 0) await this.follow(rq, fresh, 'start');
    }, lookForQueuesEveryMs);
  }

  private print(event: LogEvent): void {
    if (this.kinds && !this.kinds.has(event.kind)) return;
    if (this.io.backlogBytes > mostBacklogBytes) {
      this.leftOut += 1;
      return;
    }
    if (this.leftOut > 0) {
      this.io.err(`… ${this.leftOut} events left out: what reads this is too slow`);
      this.leftOut = 0;
    }
    if (this.options.json) this.io.json(event);
    else this.io.out(this.line(event));
  }

  private line(event: LogEvent): string {
    const { colors } = this.io;
    const [at, jobId] = event.kind === 'gap' ? [Date.now(), ''] : [event.at, event.jobId];
    const worker =
      event.kind !== 'gap' && event.worker ? colors.dim(` by ${escapeText(event.worker)}`) : '';
    const detail = eventDetail(event);
    return `${colors.dim(clockText(at))} ${kindText(event.kind, colors)} ${escapeText(event.queue)} ${escapeText(jobId)}${detail && ` ${detail}`}${worker}`;
  }
}
