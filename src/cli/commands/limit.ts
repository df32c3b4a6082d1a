import { type Command, InvalidArgumentError } from 'commander';
import { parseDuration } from '../../redis/duration.js';
import type { StartLimit } from '../../redis/start-limits.js';
import { type CommonOptions, withCommonOptions, withRq } from '../connect.js';
import { escapeText } from '../escape.js';
import { ExitError, exitCodes } from '../exit.js';
import type { Io } from '../io.js';
import { limitText } from '../overview.js';

/** `rxrq limit`: how many jobs of a queue may start in a time. */
export const limitCommand = (program: Command, io: Io): void => {
  withCommonOptions(program.command('limit'))
    .description('show, set or lift how many jobs of a queue may start in a time')
    .argument('<queue>', 'which queue')
    .argument('[limit]', 'such as 100/1m or 5/s; off lifts it; without it, shows it', limitOrOff)
    .action((queue: string, limit: StartLimit | 'off' | undefined, options: CommonOptions) =>
      change(io, queue, limit, options),
    );
};

const change = async (
  io: Io,
  name: string,
  limit: StartLimit | 'off' | undefined,
  options: CommonOptions,
): Promise<void> => {
  await withRq(io, options, async (rq) => {
    const queue = rq.queue(name);
    if (limit === 'off') await queue.unlimit();
    else if (limit) await queue.limit(limit);
    const there = await queue.startLimit();
    if (options.json) io.json({ queue: name, limit: there });
    else io.out(`${escapeText(name)}: ${there ? limitText(there) : 'no limit'}`);
    if (limit === undefined && !there) throw new ExitError(exitCodes.failed);
  });
};

const limitOrOff = (text: string): StartLimit | 'off' => {
  if (text === 'off') return 'off';
  const [, max, per = ''] = /^(\d{1,9})\/(\d{0,9}[smhd]?)$/i.exec(text) ?? [];
  const perSeconds = parseDuration(/^\d/.test(per) ? per : `1${per}`);
  if (max === undefined || per === '' || !perSeconds || Number(max) === 0)
    throw new InvalidArgumentError(
      'It must be a number, /, and a time: 100/1m, 5/s, 3/90. Or off.',
    );
  return { max: Number(max), perSeconds };
};
