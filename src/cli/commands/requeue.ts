import type { Command } from 'commander';
import { confirmOrStop } from '../confirm.js';
import { type CommonOptions, shownTarget, withCommonOptions, withRq } from '../connect.js';
import { ExitError, exitCodes } from '../exit.js';
import { selectFailed } from '../failed-jobs.js';
import type { Io } from '../io.js';

interface RequeueCommandOptions extends CommonOptions {
  all?: boolean;
  queue?: string;
  yes?: boolean;
}

/** `rxrq requeue`: failed jobs back to their own queues. RQ: `rq requeue`. */
export const requeueCommand = (program: Command, io: Io): void => {
  withCommonOptions(program.command('requeue'))
    .description('put failed jobs back on their own queues')
    .argument('[ids...]', 'which jobs')
    .option('-a, --all', 'every failed job; of every queue only with --yes or when you agree')
    .option('-q, --queue <queue>', 'only jobs of this queue')
    .option('-y, --yes', 'do not ask')
    .action((ids: string[], options: RequeueCommandOptions) => requeue(io, ids, options));
};

const requeue = async (io: Io, ids: string[], options: RequeueCommandOptions): Promise<void> => {
  const { all, queue, json, yes } = options;
  await withRq(io, options, async (rq, url, tell) => {
    const selection = { ...(!all && { ids }), ...(queue !== undefined && { queue }) };
    const chosen: string[] = [];
    if (all || ids.length > 0)
      for await (const { record } of selectFailed(rq, selection, tell)) chosen.push(record.id);
    // RQ has no such form: it wants the queue named. Here it is the one that hurts on the wrong Redis.
    if (all && queue === undefined && chosen.length > 0) {
      await confirmOrStop(
        io,
        `requeue ${chosen.length} failed jobs of all queues at ${shownTarget(url)}?`,
        yes,
      );
    }
    const requeued = await rq.failedQueue.requeueMany(chosen);
    if (json) io.json({ requeued, selected: chosen.length });
    else
      io.out(
        !all && ids.length === 0
          ? 'Nothing to do'
          : `${requeued} jobs requeued at ${shownTarget(url)}`,
      );
    const missing = all ? [] : [...new Set(ids)].filter((id) => !chosen.includes(id));
    if (missing.length > 0)
      throw new ExitError(exitCodes.failed, `not failed, or not there: ${missing.join(' ')}`);
  });
};
