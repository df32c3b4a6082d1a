import { type Command, Option } from 'commander';
import { portNumber, wholeNumber } from './option-values.js';

/** What tells where Redis is. Each is a flag, `RXRQ_…` in the environment, and a key of the config file. */
export interface RedisOptions {
  url?: string;
  host?: string;
  port?: number;
  db?: number;
  username?: string;
  password?: string;
  socket?: string;
  tls?: boolean;
  sentinel?: string;
  sentinelName?: string;
  sentinelPassword?: string;
}

/** Values that are shown as `***`. */
export const secretOptions: ReadonlySet<string> = new Set(['password', 'sentinelPassword']);

const parts = (): Option[] => [
  new Option('--host <host>', 'instead of a URL (default: localhost)'),
  new Option('--port <port>', 'of that host (default: 6379)').argParser(portNumber),
  new Option('--db <n>', 'number of the database (default: 0)').argParser(wholeNumber(0)),
  new Option('--username <name>', 'of an ACL user'),
  new Option('--password <text>', 'others see it in the process list: better RXRQ_PASSWORD'),
  new Option('--socket <path>', 'a unix socket'),
  new Option('--tls', 'encrypted, as rediss:// is'),
  new Option('--sentinel <hosts>', 'host:port of the sentinels, with commas between'),
  new Option('--sentinel-name <name>', 'of the master that they watch (default: mymaster)'),
  new Option('--sentinel-password <text>', 'of the sentinels themselves'),
];

export const redisOptionNames: readonly string[] = [
  'url',
  ...parts().map((option) => option.attributeName()),
];

/**
 * Gives a command the options that say where Redis is. Ten of them are the same everywhere and told in the help of
 * `rxrq config` only, so that each command's own options are seen.
 */
export const withRedisOptions = (command: Command): Command => {
  command
    .option(
      '-u, --url <url>',
      'where Redis is (else RQ_REDIS_URL, REDIS_URL, redis://localhost:6379)',
    )
    .option(
      '-c, --config <file>',
      'settings (default: rxrq.config.{js,mjs,ts,json}, if there is one)',
    );
  for (const option of parts())
    command.addOption(option.hideHelp(command.name() !== 'config').helpGroup('Where Redis is:'));
  return command;
};
