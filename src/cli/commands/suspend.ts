import type { Command } from 'commander';
import { type CommonOptions, shownTarget, withCommonOptions, withRq } from '../connect.js';
import type { Io } from '../io.js';
import { wholeNumber } from '../option-values.js';

interface SuspendOptions extends CommonOptions {
  duration?: number;
}

/** `rxrq suspend` and `resume`: for every worker of this Redis. RQ: `rq suspend`, `rq resume`. */
export const suspendCommands = (program: Command, io: Io): void => {
  withCommonOptions(program.command('suspend'))
    .description('no worker, Node or Python, takes a job; what runs runs on')
    .option('--duration <seconds>', 'for so long (default: until `resume`)', wholeNumber(1))
    .action((options: SuspendOptions) =>
      withRq(io, options, async (rq, url) => {
        const { duration } = options;
        await rq.suspend(duration === undefined ? {} : { seconds: duration });
        const long = duration === undefined ? 'until `rxrq resume`' : `for ${duration} s`;
        if (options.json) io.json({ suspended: true, seconds: duration ?? null });
        else io.out(`All workers at ${shownTarget(url)} are suspended ${long}`);
      }),
    );
  withCommonOptions(program.command('resume'))
    .description('workers take jobs again')
    .action((options: CommonOptions) =>
      withRq(io, options, async (rq, url) => {
        const was = await rq.resume();
        if (options.json) io.json({ suspended: false, was });
        else
          io.out(
            was
              ? `Workers at ${shownTarget(url)} take jobs again`
              : `Workers at ${shownTarget(url)} were not suspended`,
          );
      }),
    );
};
