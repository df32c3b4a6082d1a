import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { CronEnqueued } from '../../actors/cron/cron-scheduler.js';
import { bootCron } from '../../boot/boot-cron.js';
import type { ListedCronEntry, ListedCronScheduler } from '../../redis/cron-records.js';
import { type CommonOptions, redisAddress, withCommonOptions, withRq } from '../connect.js';
import { escapeText } from '../escape.js';
import { clockText } from '../event-line.js';
import { UsageError } from '../exit.js';
import type { Io } from '../io.js';
import { isPythonModule } from '../python-module.js';
import { redactorFor } from '../redact.js';
import { serviceOf } from '../service.js';
import { troubleText } from '../trouble-text.js';

interface CronCommandOptions extends CommonOptions {
  name?: string;
  list?: boolean;
}

/** `rxrq cron`: enqueues the entries of a module when they are due. RQ: `rq cron`. */
export const cronCommand = (program: Command, io: Io): void => {
  withCommonOptions(program.command('cron'))
    .description('enqueue jobs by cron expressions and intervals, until it is stopped')
    .argument('[file]', 'module that exports what defineCron returns')
    .option('-n, --name <name>', 'as RQ lists it (default: host, pid and a random part)')
    .option('--list', "show the cron processes that are alive, Node's and Python's")
    .addHelpText(
      'after',
      '\nAny number of processes may run with the same file: each tick is enqueued once.',
    )
    .action((file: string | undefined, options: CronCommandOptions) =>
      options.list ? list(io, options) : run(io, file, options),
    );
};

const run = async (
  io: Io,
  file: string | undefined,
  options: CronCommandOptions,
): Promise<void> => {
  if (file === undefined)
    throw new UsageError('FILE is missing: the module whose entries are to be enqueued');
  if (isPythonModule(file, resolve(io.cwd, file)))
    throw new UsageError(
      `${file} is a Python module, which Node cannot read: export its entries with defineCron from a module of JavaScript or TypeScript`,
    );
  const url = redisAddress(options);
  // Said at once and as what it is.
  await withRq(io, options, async () => undefined);
  const redact = redactorFor(url);
  const { print, stopWith } = serviceOf(io, options.json === true, 'no more ticks');
  let lastTrouble = '';
  const cron = await bootCron({
    entries: file,
    url,
    ...(options.name !== undefined && { name: options.name }),
    handleSignals: false,
    on: {
      onEnqueued: (enqueued) => {
        lastTrouble = '';
        print(
          { event: 'enqueued', ...enqueued, due: enqueued.due.toISOString() },
          enqueuedLine(enqueued, io),
        );
      },
      onTrouble: (error) => {
        const message = redact(troubleText(error));
        // Each entry and each try has the same to say while Redis is away.
        if (message === lastTrouble) return;
        lastTrouble = message;
        print({ event: 'trouble', message }, io.colors.yellow(`! ${escapeText(message)}`));
      },
    },
  });
  const { name, entries } = cron;
  print(
    { event: 'up', cron: name, entries },
    `${io.colors.bold(escapeText(name))} minds ${entries.length} entries: ${escapeText(entries.join(', '))}`,
  );
  stopWith(() => cron.stop());
  await cron.done;
  print({ event: 'stopped', cron: name }, 'stopped');
};

const enqueuedLine = ({ name, queue, jobId, lateMs }: CronEnqueued, { colors }: Io): string =>
  `${colors.dim(clockText(Date.now()))} ${escapeText(queue)} ${escapeText(name)} ${colors.dim(escapeText(jobId))}${lateMs >= 1_000 ? ` ${Math.round(lateMs / 1_000)} s late` : ''}`;

const list = async (io: Io, options: CronCommandOptions): Promise<void> => {
  await withRq(io, options, async (rq) => {
    const schedulers = await rq.cronSchedulers();
    for (const scheduler of schedulers) {
      if (options.json) {
        io.json(scheduler);
        continue;
      }
      io.out(headLine(scheduler));
      for (const entry of scheduler.entries) io.out(`  ${entryLine(entry)}`);
    }
    if (!options.json) io.out(`${schedulers.length} cron processes`);
  });
};

const headLine = ({ name, hostname, pid, configFile }: ListedCronScheduler): string => {
  const host = [hostname, pid].filter((part) => part !== '' && part !== null).join(' ');
  return escapeText(`${name} (${host})${configFile === '' ? '' : ` ${configFile}`}`);
};

const entryLine = (entry: ListedCronEntry): string => {
  const { name, queue, cron, timeZone, intervalSeconds, latestEnqueue, nextEnqueue } = entry;
  const when = cron === null ? `every ${intervalSeconds ?? '?'} s` : cron;
  const zone = timeZone === null || timeZone === 'UTC' ? '' : ` ${timeZone}`;
  const time = (date: Date | null): string => date?.toISOString() ?? '–';
  return escapeText(
    `${name} on ${queue}: ${when}${zone}, last ${time(latestEnqueue)}, next ${time(nextEnqueue)}`,
    500,
  );
};
