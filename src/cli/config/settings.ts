import type { Command, Option } from 'commander';
import { isRepeatable } from '../option-values.js';
import { redisOptionNames } from '../redis-options.js';

/** What may also be set in the environment and in the config file: an option, or several that say one thing. */
export interface Setting {
  /** Its key in the values of the command. */
  key: string;
  /** One for each flag, of which one holds; for most there is one. */
  names: readonly SettingName[];
  kind: 'flag' | 'value' | 'list';
  /** Key of the setting that says the same in another way: of the two the stronger place is heard. */
  rival: string | null;
  /** Its value from text. @throws InvalidArgumentError */
  parse(texts: readonly string[]): unknown;
}

/** What a setting is called. */
export interface SettingName {
  /** In the file. */
  key: string;
  /** `RXRQ_…` */
  variable: string;
  /** `null`: it is no flag. */
  option: Option | null;
  /** As `--no-…` is: what is true of it is false of the setting. */
  isContrary: boolean;
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

/** Flags that say what another one says, by its key. */
const sameAs: Readonly<Record<string, string>> = { withScheduler: 'scheduler' };
const rivals: Readonly<Record<string, string>> = {
  weight: 'dequeueStrategy',
  dequeueStrategy: 'weight',
};

/** Settings of every command. */
export const commonSettings = (command: Command): Setting[] =>
  settingsOf(command.options.filter((option) => common.has(option.attributeName())));

/** Settings of this command alone. */
export const ownSettings = (command: Command): Setting[] => {
  if (!commandsWithSettings.has(command.name())) return [];
  const options = command.options.filter((option) => {
    const key = option.attributeName();
    return !common.has(key) && !onlyOnTheLine.has(key) && !withoutSetting.has(option);
  });
  return [...(commandsWithQueues.has(command.name()) ? [queues] : []), ...settingsOf(options)];
};

/** Options that are there to be refused, or to be without effect. */
export const withoutSetting = new WeakSet<Option>();

const nameOf = (key: string, option: Option | null): SettingName => ({
  key,
  variable: `RXRQ_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`,
  option,
  isContrary: option?.negate === true,
});

const queues: Setting = {
  key: queuesKey,
  names: [nameOf(queuesKey, null)],
  kind: 'list',
  rival: null,
  parse: (texts) => [...texts],
};

const settingsOf = (options: readonly Option[]): Setting[] => {
  const byKey = new Map<string, [Option, ...Option[]]>();
  for (const option of options) {
    const attribute = option.attributeName();
    const key = sameAs[attribute] ?? attribute;
    const others = byKey.get(key);
    if (others) others.push(option);
    else byKey.set(key, [option]);
  }
  return [...byKey].map(([key, flags]) => settingOf(key, flags));
};

const settingOf = (key: string, flags: readonly [Option, ...Option[]]): Setting => {
  const [option] = flags;
  const names = flags.map((flag) => nameOf(keyOfFlag(flag), flag));
  return {
    key,
    // `--no-scheduler` is a word about the scheduler, which has a name without a flag then.
    names: names.some((name) => name.key === key) ? names : [...names, nameOf(key, null)],
    kind: option.isBoolean() || option.negate ? 'flag' : isRepeatable(option) ? 'list' : 'value',
    rival: rivals[key] ?? null,
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

/** Commander takes the `no` off, which is part of the name. */
const keyOfFlag = (option: Option): string =>
  option.name().replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
