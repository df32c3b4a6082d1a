import type { Command } from 'commander';
import { examine } from '../../redis/doctor/doctor.js';
import { type Diagnosis, type Level, levels, worstLevel } from '../../redis/doctor/finding.js';
import { aborted } from '../aborted.js';
import { type CommonOptions, shownTarget, withCommonOptions, withRq } from '../connect.js';
import { escapeText } from '../escape.js';
import { ExitError, exitCodes } from '../exit.js';
import type { Io } from '../io.js';
import { wholeNumber } from '../option-values.js';

interface DoctorCommandOptions extends CommonOptions {
  keys: boolean;
  interval?: number;
}

/** 2 and 3 are those of every command: a misspelt option in a monitor must not look like an alarm. */
const codeOf: Readonly<Record<Level, number>> = {
  ok: exitCodes.ok,
  note: exitCodes.ok,
  warning: exitCodes.failed,
  problem: exitCodes.trouble,
};

const marks: Readonly<Record<Level, string>> = { ok: '✓', note: '·', warning: '!', problem: '✗' };

/** `rxrq doctor`: what of Redis and of the workers will make trouble. RQ has no such command. */
export const doctorCommand = (program: Command, io: Io): void => {
  withCommonOptions(program.command('doctor'))
    .description('say what in Redis, or among the workers, makes or will make trouble')
    .option('--no-keys', 'do not look at every key, which takes long where there are millions')
    .option('--interval <ms>', 'between the two looks at jobs (default: 3000)', wholeNumber(1))
    .action((options: DoctorCommandOptions) => run(io, options));
};

const run = async (io: Io, options: DoctorCommandOptions): Promise<void> => {
  await withRq(io, options, async (rq, address) => {
    const found = await examine(rq.redis, rq.wire, {
      keys: options.keys,
      ...(options.interval !== undefined && { intervalMs: options.interval }),
    }).catch((error: unknown) => {
      throw aborted('the doctor', error);
    });
    for (const diagnosis of found) {
      if (options.json) io.json(diagnosis);
      else for (const line of linesOf(io, diagnosis)) io.out(line);
    }
    const worst = worstLevel(found);
    if (!options.json) io.out(summaryOf(found, shownTarget(address)));
    if (codeOf[worst] !== exitCodes.ok) throw new ExitError(codeOf[worst]);
  });
};

const linesOf = ({ colors }: Io, { check, level, what, why, remedy }: Diagnosis): string[] => {
  const color = {
    ok: colors.green,
    note: colors.cyan,
    warning: colors.yellow,
    problem: colors.red,
  };
  const lines = [`${color[level](marks[level])} ${check.padEnd(16)} ${escapeText(what)}`];
  if (why !== '') lines.push(colors.dim(`    ${escapeText(why)}`));
  if (remedy !== '') lines.push(`    → ${escapeText(remedy)}`);
  return lines;
};

const summaryOf = (found: readonly Diagnosis[], target: string): string => {
  const counts = [...levels]
    .reverse()
    .map((level) => ({ level, count: found.filter((one) => one.level === level).length }))
    .filter(({ count }) => count > 0)
    .map(({ level, count }) => `${count} ${level}${level === 'ok' || count === 1 ? '' : 's'}`);
  return `${counts.join(', ')} at ${target}`;
};
