import type { Command } from 'commander';
import { type AuditReport, audit } from '../../redis/audit/audit.js';
import { auditCodes, type Finding } from '../../redis/audit/finding.js';
import { aborted } from '../aborted.js';
import { type CommonOptions, shownTarget, withCommonOptions, withRq } from '../connect.js';
import { escapeText } from '../escape.js';
import { ExitError, exitCodes, UsageError } from '../exit.js';
import type { Io } from '../io.js';

interface AuditCommandOptions extends CommonOptions {
  repair?: boolean;
  interval?: string;
}

/** `rxrq audit`: holds what is in Redis against the invariants. RQ has no such command. */
export const auditCommand = (program: Command, io: Io): void => {
  withCommonOptions(program.command('audit'))
    .description('look for lost, stuck and doubled jobs and other facts that should not be')
    .argument('[queues...]', 'only these queues')
    .option('--repair', 'mend what can be mended safely; without it nothing is written')
    .option(
      '--interval <ms>',
      'between the two looks that a fact must survive (default: half a worker lease, 15000)',
    )
    .action((queues: string[], options: AuditCommandOptions) => run(io, queues, options));
};

const run = async (io: Io, queues: string[], options: AuditCommandOptions): Promise<void> => {
  const intervalMs = options.interval === undefined ? undefined : Number(options.interval);
  if (intervalMs !== undefined && !(Number.isInteger(intervalMs) && intervalMs >= 1)) {
    throw new UsageError('--interval must be a whole number of milliseconds, 1 or more');
  }
  await withRq(io, options, async (rq, url) => {
    const report = await audit(rq.redis, rq.wire, {
      ...(queues.length > 0 && { queues }),
      ...(intervalMs !== undefined && { intervalMs }),
      repair: options.repair === true,
    }).catch((error: unknown) => {
      throw aborted('the audit', error, (message) =>
        isRefusal(message) ? refusalOf(error as CommandError, options) : '',
      );
    });
    if (options.json) {
      for (const finding of report.findings) io.json(finding);
    } else {
      for (const finding of report.findings) io.out(lineOf(finding));
      io.out(summaryOf(report, shownTarget(url)));
    }
    if (report.findings.length > 0) throw new ExitError(exitCodes.failed);
  });
};

interface CommandError extends Error {
  command?: { name: string };
}

// Of a command, and of one in a script in the words of different releases.
const isRefusal = (message: string): boolean =>
  /^NOPERM|^ERR .*(executing the script can't|ACL failure)/.test(message);

// Of a key that is refused outside of a script Redis names neither itself nor the command.
const refusalOf = ({ message, command }: CommandError, { repair }: AuditCommandOptions): string => {
  const isUnnamed = /\bkeys?\b/.test(message) && !/\bscript\b/.test(message);
  const named = command && isUnnamed ? ` (${command.name.toUpperCase()})` : '';
  return `${named}. Needed is what the role ${repair ? 'operator' : 'auditor'} may: docs/security.md`;
};

const lineOf = ({ code, jobId, queue, seen, remedy, isCritical, mended }: Finding): string => {
  const subject = jobId === null ? '' : ` job ${jobId}`;
  const place = queue === null ? '' : ` of ${queue}`;
  const end =
    mended === null
      ? remedy === null
        ? 'look at it by hand'
        : `--repair: ${remedy}`
      : mended
        ? `mended: ${remedy}`
        : 'not mended, it had changed';
  const mark = isCritical ? ' CRITICAL' : '';
  return escapeText(`${code}${mark}${subject}${place}: ${auditCodes[code]}: ${seen} (${end})`);
};

const summaryOf = (
  { findings, jobs, queues, events, tookMs }: AuditReport,
  target: string,
): string => {
  const mended = findings.filter((finding) => finding.mended).length;
  const found =
    findings.length === 0
      ? 'clean'
      : `${findings.length} findings${mended > 0 ? `, ${mended} mended` : ''}`;
  return `${found}: ${jobs} jobs, ${queues} queues, ${events} events at ${target} in ${(tookMs / 1000).toFixed(1)} s`;
};
