import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { auditCommand } from './commands/audit.js';
import { emptyCommand } from './commands/empty.js';
import { enqueueCommand } from './commands/enqueue.js';
import { failedCommand } from './commands/failed.js';
import { infoCommand } from './commands/info.js';
import { jobCommand } from './commands/job.js';
import { requeueCommand } from './commands/requeue.js';
import { runCommand } from './commands/run.js';
import { watchCommand } from './commands/watch.js';
import { workerCommand } from './commands/worker.js';
import { escapeLines } from './escape.js';
import { exitCodeOf } from './exit.js';
import type { Io } from './io.js';
import { redactorFor } from './redact.js';
import { usefulTraceback } from './traceback.js';

const commands = [
  workerCommand,
  runCommand,
  enqueueCommand,
  infoCommand,
  watchCommand,
  jobCommand,
  failedCommand,
  requeueCommand,
  emptyCommand,
  auditCommand,
];

const exitHelp = `
Exit codes: 0 done; 1 a job failed, was left, or is not there; 2 wrong usage or input;
3 Redis cannot be reached; 130 Ctrl-C while following.`;

/** Runs one command line, without the program's own name. Resolves with the exit code and never rejects. */
export const runCommandLine = async (argv: readonly string[], io: Io): Promise<number> => {
  const redact = redactorFor(
    io.env.RQ_REDIS_URL,
    io.env.REDIS_URL,
    ...argv.filter((text) => text.includes('://')),
  );
  const say = (text: string): void => {
    for (const line of escapeLines(redact(text))) io.err(line);
  };
  const program = new Command('rxrq')
    .description('jobs in Redis, wire-compatible with Python RQ')
    .version(version())
    .addHelpText('after', exitHelp)
    .showHelpAfterError('(--help shows what there is)')
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.write(text), writeErr: say });
  for (const add of commands) add(program, io);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return 0;
  } catch (error) {
    // Commander has said its own.
    if (!(error instanceof CommanderError)) {
      const message = error instanceof Error ? error.message : String(error);
      if (message !== '')
        for (const line of usefulTraceback(redact(`error: ${message}`))) io.err(line);
    }
    return exitCodeOf(error);
  }
};

const version = (): string => {
  const manifest = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  ) as { version: string };
  return manifest.version;
};
