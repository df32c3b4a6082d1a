import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { auditCommand } from './commands/audit.js';
import { commandWorkersCommands } from './commands/command-workers.js';
import { configCommand } from './commands/config.js';
import { cronCommand } from './commands/cron.js';
import { doctorCommand } from './commands/doctor.js';
import { emptyCommand } from './commands/empty.js';
import { enqueueCommand } from './commands/enqueue.js';
import { failedCommand } from './commands/failed.js';
import { infoCommand } from './commands/info.js';
import { jobCommand } from './commands/job.js';
import { limitCommand } from './commands/limit.js';
import { pauseCommands } from './commands/pause.js';
import { requeueCommand } from './commands/requeue.js';
import { runCommand } from './commands/run.js';
import { scheduledCommand } from './commands/scheduled.js';
import { schedulerCommand } from './commands/scheduler.js';
import { stopCommand } from './commands/stop.js';
import { suspendCommands } from './commands/suspend.js';
import { watchCommand } from './commands/watch.js';
import { workerCommand } from './commands/worker.js';
import { workerPoolCommand } from './commands/worker-pool.js';
import { applySettings, effectiveSettings } from './config/effective.js';
import { loadConfig } from './config/load-config.js';
import type { CommonOptions } from './connect.js';
import { escapeLines, escapeText } from './escape.js';
import { ExitError, exitCodeOf } from './exit.js';
import { exitHelp } from './exit-help.js';
import type { Io } from './io.js';
import { redactorFor } from './redact.js';
import { redisAddressOf } from './redis-address.js';
import { spellRqFlags, takeRqFlags } from './rq-flags.js';
import { usefulTraceback } from './traceback.js';

type AddCommand = (program: Command, io: Io) => void;
/** In the order of the help. */
const groups: Readonly<Record<string, readonly AddCommand[]>> = {
  'Run jobs:': [
    workerCommand,
    workerPoolCommand,
    runCommand,
    enqueueCommand,
    schedulerCommand,
    cronCommand,
  ],
  'Look:': [infoCommand, watchCommand, jobCommand, scheduledCommand],
  'Failed and unwanted jobs:': [failedCommand, requeueCommand, emptyCommand],
  'Steer:': [stopCommand, suspendCommands, pauseCommands, limitCommand, commandWorkersCommands],
  'Check:': [doctorCommand, auditCommand, configCommand],
};

const help = `
Redis is found by --url, RQ_REDIS_URL, REDIS_URL, or rxrq.config.{js,mjs,ts,json}: rxrq config shows it.
Exit codes: 0 done; 1 a job failed, was left, or is not there; 2 wrong usage or input;
3 Redis cannot be reached; 4 problems (doctor), or it could not go on (doctor, audit); 130 Ctrl-C while following.`;

/** The program with all its commands. */
export const makeProgram = (io: Io, writeErr: (text: string) => void): Command => {
  const program = new Command('rxrq')
    .description('jobs in Redis, wire-compatible with Python RQ')
    .version(version())
    .addHelpText('after', help)
    .showHelpAfterError('(--help shows what there is)')
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.write(text), writeErr });
  for (const [heading, commands] of Object.entries(groups)) {
    program.commandsGroup(heading);
    for (const add of commands) add(program, io);
  }
  for (const command of program.commands) {
    takeRqFlags(command);
    command.addHelpText('after', exitHelp(command.name()));
  }
  return program;
};

/** Runs one command line, without the program's own name. Resolves with the exit code and never rejects. */
export const runCommandLine = async (argv: readonly string[], io: Io): Promise<number> => {
  const { env } = io;
  const secrets = [
    env.RXRQ_URL,
    env.RQ_REDIS_URL,
    env.REDIS_URL,
    ...argv.filter((text) => text.includes('://')),
  ];
  let redact = redactorFor(...secrets);
  const program = makeProgram(io, (text) => {
    for (const line of escapeLines(redact(text))) io.err(line);
  });
  program.hook('preAction', async (_, command) => {
    const config = await loadConfig(program, command.opts<{ config?: string }>().config, io);
    if (command.opts<CommonOptions>().verbose && config.path !== null)
      io.err(io.errorColors.dim(`config file: ${escapeText(config.path)}`));
    const effective = effectiveSettings(command, env, config.sections);
    const { address } = redisAddressOf(effective, env);
    redact = redactorFor(...secrets, address);
    applySettings(command, effective);
    command.setOptionValueWithSource('address', address, 'implied');
  });
  try {
    await program.parseAsync(spellRqFlags(argv), { from: 'user' });
    return 0;
  } catch (error) {
    // Commander has said its own.
    if (!(error instanceof CommanderError)) {
      const message = messageOf(error);
      if (message !== '')
        for (const line of usefulTraceback(redact(`error: ${message}`))) io.err(line);
    }
    return exitCodeOf(error);
  }
};

// Where several addresses refuse a connection Node's error has no message; only our own may say nothing.
const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  if (error.message !== '' || error instanceof ExitError) return error.message;
  return (error as NodeJS.ErrnoException).code ?? error.name;
};

const version = (): string => {
  const manifest = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  ) as { version: string };
  return manifest.version;
};
