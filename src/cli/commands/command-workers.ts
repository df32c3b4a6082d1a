import type { Command } from 'commander';
import type { Rq } from '../../streams/rq.js';
import type { WorkerHandle } from '../../streams/worker-handle.js';
import { confirmOrStop } from '../confirm.js';
import { type CommonOptions, shownTarget, withCommonOptions, withRq } from '../connect.js';
import { escapeText } from '../escape.js';
import { ExitError, exitCodes, UsageError } from '../exit.js';
import type { Io } from '../io.js';
import { seconds } from '../option-values.js';

interface WorkersOptions extends CommonOptions {
  all?: boolean;
  yes?: boolean;
  wait: number;
}

/** What came of it, as an object and as a line. */
interface Told {
  fields: object;
  text: string;
}

type Tell = (worker: WorkerHandle, timeoutMs: number) => Promise<Told>;

const expected = new Set(['NoSuchWorkerError', 'NoAnswerError', 'CommandRefusedError']);

const heard = ({ isAcknowledged }: { isAcknowledged: boolean }, doing: string): Told => ({
  fields: { isAcknowledged },
  text: isAcknowledged ? doing : `was told; Python's workers do not answer`,
});

const verbs: Array<{ name: string; description: string; asks: string; tell: Tell }> = [
  {
    name: 'shutdown',
    description: 'have workers stop: no new jobs, running ones end; a second time: stop now',
    asks: 'stop',
    tell: async (worker, timeoutMs) =>
      heard(await worker.shutdown({ timeoutMs }), 'is shutting down'),
  },
  {
    name: 'kill-horse',
    description: 'kill what runs on workers; the jobs fail, or are retried',
    asks: 'kill what runs on',
    tell: async (worker, timeoutMs) =>
      heard(await worker.killHorse({ timeoutMs }), 'kills what it runs'),
  },
  {
    name: 'ping',
    description: "ask Node's workers what they are doing",
    asks: '',
    tell: async (worker, timeoutMs) => {
      const { state, jobs, tookMs } = await worker.ping({ timeoutMs });
      const ids = jobs.map(({ jobId, queue }) => `${jobId} (${queue})`).join(', ');
      const took = Math.round(tookMs * 10) / 10;
      const text = `${state}, answered in ${took} ms${ids === '' ? '' : `: ${ids}`}`;
      return { fields: { state, jobs, tookMs: took }, text: escapeText(text, 2_000) };
    },
  },
];

/** `rxrq shutdown`, `kill-horse` and `ping`: commands to workers. RQ: `rq.command`. */
export const commandWorkersCommands = (program: Command, io: Io): void => {
  for (const { name, description, asks, tell } of verbs) {
    const command = withCommonOptions(program.command(name))
      .description(description)
      .argument('[workers...]', 'names, as `rxrq info` shows them')
      .option('-a, --all', 'every worker that is registered')
      .option('--wait <seconds>', 'how long each may take to answer', seconds(0.1), 10);
    if (asks !== '') command.option('-y, --yes', 'do not ask');
    command.action((workers: string[], options: WorkersOptions) =>
      run(io, workers, options, asks, tell),
    );
  }
};

const run = async (
  io: Io,
  names: string[],
  options: WorkersOptions,
  asks: string,
  tell: Tell,
): Promise<void> => {
  if (names.length === 0 && !options.all) throw new UsageError('name a worker, or give --all');
  await withRq(io, options, async (rq, url) => {
    const workers = options.all ? await allWorkers(rq) : [...new Set(names)];
    if (options.all && asks !== '' && workers.length > 0) {
      const question = `${asks} all ${workers.length} workers at ${shownTarget(url)}?`;
      await confirmOrStop(io, question, options.yes);
    }
    let failures = 0;
    const tellOne = async (worker: string): Promise<void> => {
      try {
        const { fields, text } = await tell(rq.worker(worker), options.wait * 1_000);
        if (options.json) io.json({ worker, ...fields });
        else io.out(`${escapeText(worker)} ${text}`);
      } catch (error) {
        if (!(error instanceof Error) || !expected.has(error.name)) throw error;
        failures += 1;
        if (options.json) io.json({ worker, error: error.message });
        else io.err(escapeText(error.message, 500));
      }
    };
    await Promise.all(workers.map(tellOne));
    if (failures > 0) throw new ExitError(exitCodes.failed);
  });
};

const allWorkers = async (rq: Rq): Promise<string[]> =>
  (await rq.workers()).map(({ name }) => name);
