import type { Command, Option } from 'commander';
import { isRepeatable } from '../option-values.js';
import { redisOptionNames } from '../redis-options.js';

/** An option that may also be set in the environment and in the config file. */
export interface Setting {
  /** Its key in the file, and in the values of the command. */
  key: string;
  /** `RXRQ_…` */
  variable: string;
  kind: 'flag' | 'value' | 'list';
  /** Its value from text. @throws InvalidArgumentError */
  parse(texts: readonly string[]): unknown;
}

/** Key of the queues that a worker or scheduler serves, which are arguments and no option. RQ: `QUEUES`. */
export const queuesKey = 'queues';

/**
 * Commands whose own options are settings. Those that choose jobs to change or to delete are not among them: what is
 * done to which job is said where it is done, and no forgotten variable may widen it.
 */
const commandsWithSettings = new Set([
  'worker',
  'worker-pool',
  'scheduler',
  'cron',
  'run',
  'enqueue',
]);
const commandsWithQueues = new Set(['worker', 'worker-pool', 'scheduler']);
const common = new Set([...redisOptionNames, 'json', 'verbose']);
/** They are about this one call. */
const onlyOnTheLine = new Set([
  ...[
    'config',
    'yes',
    'all',
    'jobId',
    'description',
    'dependsOn',
    'scheduleIn',
    'scheduleAt',
    'meta',
    'group',
    'at',
  ],
]);

/** Settings of every command. */
export const commonSettings = (command: Command): Setting[] =>
  command.options.filter((option) => common.has(option.attributeName())).map(settingOf);

/** Settings of this command alone. */
export const ownSettings = (command: Command): Setting[] => {
  if (!commandsWithSettings.has(command.name())) return [];
  const options = command.options.filter((option) => {
    const key = option.attributeName();
    return !common.has(key) && !onlyOnTheLine.has(key) && !withoutSetting.has(option);
  });
  const queues: Setting = {
    key: queuesKey,
    variable: 'RXRQ_QUEUES',
    kind: 'list',
    parse: (texts) => [...texts],
  };
  return [
    ...(commandsWithQueues.has(command.name()) ? [queues] : []),
    ...new Map(options.map((option) => [option.attributeName(), settingOf(option)])).values(),
  ];
};

/** Options that are there to be refused, or to be without effect. */
export const withoutSetting = new WeakSet<Option>();

const settingOf = (option: Option): Setting => {
  const key = option.attributeName();
  return {
    key,
    variable: `RXRQ_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`,
    kind: option.isBoolean() || option.negate ? 'flag' : isRepeatable(option) ? 'list' : 'value',
    parse: (texts) =>
      option.parseArg === undefined
        ? option.variadic
          ? [...texts]
          : texts[0]
        : texts.reduce<unknown>(
            // Parsers of single values are given no value before theirs.
            (before, text) => option.parseArg?.(text, before as never),
            // An empty list in the file is one that allows nothing, and not the default.
            texts.length === 0 ? [] : undefined,
          ),
  };
};
