import type { Command } from 'commander';
import { bootScheduler } from '../../boot/boot-scheduler.js';
import { type CommonOptions, redisAddress, withCommonOptions, withRq } from '../connect.js';
import { escapeText } from '../escape.js';
import { exitCodes } from '../exit.js';
import type { Io } from '../io.js';
import { logfmt } from '../logfmt.js';
import { redactorFor } from '../redact.js';
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
  const print = (line: { event: string } & Record<string, unknown>, pretty: string): void => {
    const { event, ...fields } = line;
    const record = { event, at: new Date().toISOString(), ...fields };
    if (options.json) io.json(record);
    else io.out(io.isTerminal ? pretty : logfmt(record));
  };
  io.outliveOutput();
  let stop: (() => Promise<void>) | null = null;
  let signals = 0;
  io.onSignal((signal) => {
    signals += 1;
    print({ event: 'stopping', signal }, io.colors.yellow(`${signal}: the locks go back`));
    if (signals > 1) process.exit(exitCodes.interrupted);
    void stop?.();
  });
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
  stop = () => running.stop();
  if (signals > 0) void stop();
  await running.done;
  print({ event: 'stopped', queues }, 'stopped');
};
