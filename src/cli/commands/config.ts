import type { Command } from 'commander';
import { describeAddress } from '../../redis/connection.js';
import { type Effective, effectiveSettings } from '../config/effective.js';
import { loadConfig } from '../config/load-config.js';
import { commonSettings, ownSettings } from '../config/settings.js';
import { type CommonOptions, withCommonOptions } from '../connect.js';
import { escapeText } from '../escape.js';
import { UsageError } from '../exit.js';
import type { Io } from '../io.js';
import { redactorFor } from '../redact.js';
import { redisAddressOf } from '../redis-address.js';
import { secretOptions } from '../redis-options.js';

interface ConfigOptions extends CommonOptions {
  config?: string;
}

/** `rxrq config`: what is set, and who set it. Talks to no Redis. */
export const configCommand = (program: Command, io: Io): void => {
  withCommonOptions(program.command('config'))
    .description('show the settings in force and where each comes from')
    .argument('[command]', 'of this command only')
    .addHelpText('after', '\nStrongest first: flags, RXRQ_… variables, the config file, defaults.')
    .action((name: string | undefined, options: ConfigOptions, self: Command) =>
      show(io, program, self, name, options),
    );
};

const show = async (
  io: Io,
  program: Command,
  self: Command,
  name: string | undefined,
  options: ConfigOptions,
): Promise<void> => {
  const config = await loadConfig(program, options.config, io);
  const common = commonSettings(self).map(({ key }) => key);
  const commands = program.commands.filter(
    (command) => ownSettings(command).length > 0 && (name === undefined || command.name() === name),
  );
  if (name !== undefined && commands.length === 0)
    throw new UsageError(`${JSON.stringify(name)} is no command with settings of its own`);
  const settings = effectiveSettings(self, io.env, config.sections);
  const { address, by } = redisAddressOf(settings, io.env);
  if (options.json) {
    io.json({
      section: 'common',
      key: 'redis',
      value: describeAddress(address),
      source: by,
      from: '',
    });
  } else {
    io.out(`config file: ${config.path === null ? 'none' : escapeText(config.path)}`);
    io.out(`Redis: ${escapeText(describeAddress(address))} (${by})`);
  }
  const rows = [
    ...settings.map((one) => ({ section: 'common', ...one })),
    ...commands.flatMap((command) =>
      effectiveSettings(command, io.env, config.sections)
        .filter(({ setting }) => !common.includes(setting.key))
        .map((one) => ({ section: command.name(), ...one })),
    ),
  ];
  print(io, rows, options.json === true);
  const read = new Set(
    program.commands
      .flatMap((command) => [...commonSettings(command), ...ownSettings(command)])
      .flatMap(({ names }) => names.map(({ variable }) => variable)),
  );
  const unread = Object.keys(io.env).filter(
    (variable) => /^RXRQ_/.test(variable) && variable !== 'RXRQ_CONFIG' && !read.has(variable),
  );
  if (unread.length > 0)
    io.err(`set, and read by no command: ${escapeText(unread.sort().join(', '))}`);
};

type Row = Effective & { section: string };

const print = (io: Io, rows: readonly Row[], asJson: boolean): void => {
  let section = '';
  for (const row of rows) {
    const { setting, source, from } = row;
    const value = shown(row);
    if (asJson) {
      io.json({ section: row.section, key: setting.key, value, source, from });
      continue;
    }
    if (value === null) continue;
    if (row.section !== section) io.out(row.section);
    section = row.section;
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    io.out(
      `  ${setting.key.padEnd(18)} ${escapeText(text).padEnd(24)} ${io.colors.dim(`${source}${from && ` ${from}`}`)}`,
    );
  }
};

const shown = ({ setting, value }: Row): unknown => {
  if (value === undefined) return null;
  if (secretOptions.has(setting.key)) return '***';
  return setting.key === 'url' ? redactorFor(String(value))(String(value)) : value;
};
