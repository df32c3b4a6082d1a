import type { Command } from 'commander';
import { bootScheduler } from '../../boot/boot-scheduler.js';
import { type CommonOptions, redisAddress, withCommonOptions, withRq } from '../connect.js';
import { escapeText } from '../escape.js';
import type { Io } from '../io.js';
import { redactorFor } from '../redact.js';
import { serviceOf } from '../service.js';
import { troubleText } from '../trouble-text.js';

/** `rxrq scheduler`: moves scheduled jobs of queues that no worker looks after, until it is stopped. */
export const schedulerCommand = (program: Command, io: Io): void => {
  withCommonOptions(program.command('scheduler'))
    .description('move scheduled jobs to their queues when they are due, until it is stopped')
    .argument('[queues...]', 'queues to look after', ['default'])
    .addHelpText('after', '\nEvery worker has a scheduler: this is for queues without one.')
    .action((queues: string[], options: CommonOptions) => run(io, queues, options));
};

const run = async (io: Io, queues: string[], options: CommonOptions): Promise<void> => {
  const url = redisAddress(options);
  // Said at once and as what it is.
  await withRq(io, options, async () => undefined);
  const redact = redactorFor(url);
  const { print, stopWith } = serviceOf(io, options.json === true, 'the locks go back');
  const running = await bootScheduler({
    url,
    queues,
    handleSignals: false,
    on: {
      onTrouble: (error) => {
        const message = redact(troubleText(error));
        print({ event: 'trouble', message }, io.colors.yellow(`! ${escapeText(message)}`));
      },
    },
  });
  print({ event: 'up', queues }, `looks after ${escapeText(queues.join(', '))}`);
  stopWith(() => running.stop());
  await running.done;
  print({ event: 'stopped', queues }, 'stopped');
};
