import type { Command } from 'commander';
import { confirmOrStop } from '../confirm.js';
import { type CommonOptions, shownTarget, withCommonOptions, withRq } from '../connect.js';
import { escapeText } from '../escape.js';
import type { Io } from '../io.js';
import { existingQueues } from '../queue-names.js';

interface EmptyOptions extends CommonOptions {
  all?: boolean;
  yes?: boolean;
}

/** `rxrq empty`: deletes the waiting jobs of queues. RQ: `rq empty`. */
export const emptyCommand = (program: Command, io: Io): void => {
  withCommonOptions(program.command('empty'))
    .description('delete the waiting jobs of queues; running and failed ones stay')
    .argument('[queues...]', 'which queues')
    .option('-a, --all', 'all queues')
    .option('-y, --yes', 'do not ask')
    .action((queues: string[], options: EmptyOptions) => empty(io, queues, options));
};

const empty = async (io: Io, names: string[], options: EmptyOptions): Promise<void> => {
  await withRq(io, options, async (rq, url) => {
    const queues = (options.all ? await existingQueues(rq, io) : [...new Set(names)]).map((name) =>
      rq.queue(name),
    );
    if (queues.length === 0) {
      if (!options.json) io.out('Nothing to do');
      return;
    }
    const lengths = await Promise.all(queues.map((queue) => queue.length()));
    const jobs = lengths.reduce((sum, length) => sum + length, 0);
    const target = shownTarget(url);
    const shown = queues.map(({ name }) => escapeText(name)).join(', ');
    if (jobs > 0)
      await confirmOrStop(io, `delete ${jobs} jobs of ${shown} at ${target}?`, options.yes);
    for (const queue of queues) {
      const removed = await queue.empty();
      if (options.json) io.json({ queue: queue.name, removed });
      else io.out(`${removed} jobs removed from ${escapeText(queue.name)} queue at ${target}`);
    }
  });
};
