import type { Command } from 'commander';
import { bootWorkerPool } from '../../boot/boot-worker-pool.js';
import { withRq } from '../connect.js';
import { escapeText } from '../escape.js';
import { ExitError, exitCodes } from '../exit.js';
import type { Io } from '../io.js';
import { wholeNumber } from '../option-values.js';
import { bootOptionsOf, type WorkerCommandOptions, withWorkerFlags } from './worker.js';

interface PoolCommandOptions extends WorkerCommandOptions {
  numWorkers: number;
}

/** `rxrq worker-pool`: several workers, each in a process of its own. RQ: `rq worker-pool`. */
export const workerPoolCommand = (program: Command, io: Io): void => {
  withWorkerFlags(program.command('worker-pool'))
    .description('run several workers, and start those anew that die')
    .option('-q, --quiet', 'print no line for a worker that comes up')
    .option('-n, --num-workers <n>', 'how many workers', wholeNumber(1), 1)
    .action((queues: string[], options: PoolCommandOptions) => runPool(io, queues, options));
};

const runPool = async (io: Io, queues: string[], options: PoolCommandOptions): Promise<void> => {
  const boot = bootOptionsOf(queues, options);
  await withRq(io, options, async (rq) => {
    if (await rq.isSuspended())
      throw new ExitError(exitCodes.failed, 'all workers are suspended; rxrq resume ends that');
  });
  const tell = (event: string, fields: Record<string, unknown>, text: string): void => {
    if (options.json) io.json({ event, at: new Date().toISOString(), ...fields });
    else io.out(text);
  };
  // The pool listens itself; without a handler of ours the first signal would end this process.
  io.onSignal((signal) => tell('stopping', { signal }, `${signal}: stopping`));
  const pool = await bootWorkerPool({
    ...boot,
    workers: options.numWorkers,
    on: {
      onUp: (slot, worker, handlers) => {
        if (!options.quiet)
          tell('up', { slot, worker, handlers }, `worker ${slot} is up: ${escapeText(worker)}`);
      },
      onExit: (slot, code, signal) =>
        tell('exited', { slot, code, signal }, `worker ${slot} ended with ${signal ?? code}`),
      onTrouble: (slot, message) =>
        tell('trouble', { slot, message }, `worker ${slot}: ${escapeText(message, 500)}`),
    },
  });
  const { finished, failed, left } = await pool.done;
  tell('stopped', { finished, failed, left }, `stopped: ${finished} finished, ${failed} failed`);
  if (left.length > 0) throw new ExitError(exitCodes.failed);
};
