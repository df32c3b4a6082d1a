import type { Command } from 'commander';
import { type CommonOptions, withCommonOptions, withRq } from '../connect.js';
import { escapeText } from '../escape.js';
import { ExitError, exitCodes } from '../exit.js';
import type { Io } from '../io.js';
import { seconds } from '../option-values.js';

interface StopOptions extends CommonOptions {
  wait: number;
}

/** `rxrq stop`: stops running jobs. */
export const stopCommand = (program: Command, io: Io): void => {
  withCommonOptions(program.command('stop'))
    .description('stop running jobs, on Node and Python workers; they are in the FailedQueue then')
    .argument('<ids...>', 'which jobs')
    .option('--wait <seconds>', 'how long each may take to end', seconds(0.1), 30)
    .action((ids: string[], options: StopOptions) => stop(io, ids, options));
};

const stop = async (io: Io, ids: readonly string[], options: StopOptions): Promise<void> => {
  await withRq(io, options, async (rq) => {
    let failures = 0;
    const stopOne = async (jobId: string): Promise<void> => {
      try {
        const { job } = await rq.fetch(jobId);
        await job.stop({ timeoutMs: options.wait * 1_000 });
        if (options.json) io.json({ jobId, stopped: true });
        else io.out(`${escapeText(jobId)} stopped`);
      } catch (error) {
        if (!(error instanceof Error) || !expected.has(error.name)) throw error;
        failures += 1;
        if (options.json) io.json({ jobId, stopped: false, reason: error.message });
        else io.err(escapeText(error.message, 500));
      }
    };
    await Promise.all([...new Set(ids)].map(stopOne));
    if (failures > 0) throw new ExitError(exitCodes.failed);
  });
};

const expected = new Set(['NoSuchJobError', 'InvalidJobOperationError', 'NoAnswerError']);
