import type { Command } from 'commander';
import { type CommonOptions, shownTarget, withCommonOptions, withRq } from '../connect.js';
import { escapeText } from '../escape.js';
import type { Io } from '../io.js';
import { wholeNumber } from '../option-values.js';

interface PauseOptions extends CommonOptions {
  duration?: number;
}

/** `rxrq pause` and `unpause`: single queues, for Node's workers. RQ has only `suspend`. */
export const pauseCommands = (program: Command, io: Io): void => {
  withCommonOptions(program.command('pause'))
    .description("Node's workers take no job of these queues; what runs runs on, new jobs may come")
    .argument('<queues...>', 'which queues')
    .option('--duration <seconds>', 'for so long (default: until `unpause`)', wholeNumber(1))
    .action((names: string[], options: PauseOptions) =>
      withRq(io, options, async (rq, url) => {
        const { duration } = options;
        const queues = [...new Set(names)].map((name) => rq.queue(name));
        const long = duration === undefined ? 'until `rxrq unpause`' : `for ${duration} s`;
        for (const queue of queues) {
          await queue.pause(duration === undefined ? {} : { seconds: duration });
          if (options.json) io.json({ queue: queue.name, paused: true, seconds: duration ?? null });
          else io.out(`${escapeText(queue.name)} at ${shownTarget(url)} is paused ${long}`);
        }
      }),
    );
  withCommonOptions(program.command('unpause'))
    .description('workers take jobs of these queues again')
    .argument('<queues...>', 'which queues')
    .action((names: string[], options: CommonOptions) =>
      withRq(io, options, async (rq, url) => {
        const queues = [...new Set(names)].map((name) => rq.queue(name));
        for (const queue of queues) {
          const was = await queue.resume();
          if (options.json) io.json({ queue: queue.name, paused: false, was });
          else
            io.out(
              `${escapeText(queue.name)} at ${shownTarget(url)} ${was ? 'is worked on again' : 'was not paused'}`,
            );
        }
      }),
    );
};
