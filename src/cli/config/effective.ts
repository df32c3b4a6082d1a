import type { Command } from 'commander';
import { UsageError } from '../exit.js';
import type { Config } from './config-schema.js';
import { commonSettings, ownSettings, queuesKey, type Setting } from './settings.js';

/** Where a value came from, the strongest first. */
export type Source = 'flag' | 'environment' | 'file' | 'default';

/** A setting's value and where it came from. */
export interface Effective {
  setting: Setting;
  /** `undefined`: nobody has set it, and the command decides. */
  value: unknown;
  source: Source;
  /** The variable or the key in the file; empty for flags and defaults. */
  from: string;
}

/**
 * The value of each setting of a parsed command: the flag, else the variable, else the file, else the default. What
 * excludes each other does so in one place only: a stronger place is heard, whatever a weaker one says against it.
 *
 * @throws UsageError naming the variable, or the two that exclude each other
 */
export const effectiveSettings = (
  command: Command,
  env: Readonly<Record<string, string | undefined>>,
  config: Config,
): Effective[] => {
  const sections: Array<[string, Setting[]]> = [
    ['common', commonSettings(command)],
    [command.name(), ownSettings(command)],
  ];
  const all = sections.flatMap(([section, settings]) =>
    settings.map((setting): Effective => {
      for (const [source, said] of [
        ['flag', saidByFlags(setting, command)],
        ['environment', saidByVariables(setting, env)],
        ['file', saidInFile(setting, section, config)],
      ] as const) {
        const [first, ...others] = said;
        if (first === undefined) continue;
        const contrary = others.find(({ value }) => value !== first.value);
        if (contrary) throw excluding(first.by, contrary.by);
        return { setting, value: first.value, source, from: source === 'flag' ? '' : first.by };
      }
      return defaultOf(setting, command);
    }),
  );
  return all.map((one) => {
    const rival = all.find(({ setting }) => setting.key === one.setting.rival);
    if (rival === undefined || one.source === 'default' || rival.source === 'default') return one;
    if (rival.source === one.source) throw excluding(spokenName(one), spokenName(rival));
    return isStronger(one.source, rival.source) ? one : defaultOf(one.setting, command);
  });
};

interface Said {
  value: unknown;
  /** The flag, the variable, or the key in the file. */
  by: string;
}

const strongestFirst: readonly Source[] = ['flag', 'environment', 'file', 'default'];
const isStronger = (one: Source, other: Source): boolean =>
  strongestFirst.indexOf(one) < strongestFirst.indexOf(other);

const excluding = (one: string, other: string): UsageError =>
  new UsageError(`${one} and ${other} exclude each other`);

const spokenName = ({ setting, from }: Effective): string =>
  from === '' ? (setting.names[0]?.option?.long ?? setting.key) : from;

const defaultOf = (setting: Setting, command: Command): Effective => {
  const { key } = setting;
  const value = key === queuesKey ? command.processedArgs[0] : command.getOptionValue(key);
  return { setting, value, source: 'default', from: '' };
};

const saidByFlags = (setting: Setting, command: Command): Said[] => {
  if (setting.key === queuesKey)
    return command.args.length > 0 ? [{ value: command.processedArgs[0], by: queuesKey }] : [];
  return setting.names.flatMap(({ option }) => {
    if (option === null) return [];
    const attribute = option.attributeName();
    if (command.getOptionValueSource(attribute) !== 'cli') return [];
    // Commander has turned the contrary of one that begins with `--no-`.
    return [{ value: command.getOptionValue(attribute), by: option.long ?? option.flags }];
  });
};

const saidByVariables = (
  setting: Setting,
  env: Readonly<Record<string, string | undefined>>,
): Said[] =>
  setting.names.flatMap(({ variable, isContrary }) => {
    const text = env[variable];
    // An empty variable is one that somebody has unset.
    if (text === undefined || text === '') return [];
    const value = fromVariable(setting, variable, text);
    return [{ value: isContrary ? !value : value, by: variable }];
  });

const saidInFile = (setting: Setting, section: string, config: Config): Said[] =>
  setting.names.flatMap(({ key, isContrary }) => {
    const value = config.get(section)?.get(key);
    if (value === undefined) return [];
    return [{ value: isContrary ? !value : value, by: `${section}.${key}` }];
  });

const truths: Readonly<Record<string, boolean>> = {
  '1': true,
  true: true,
  '0': false,
  false: false,
};

const fromVariable = (setting: Setting, variable: string, text: string): unknown => {
  if (setting.kind === 'flag') {
    const value = truths[text.toLowerCase()];
    if (value === undefined) throw new UsageError(`${variable} must be 1, true, 0 or false`);
    return value;
  }
  try {
    return setting.parse(
      setting.kind === 'list' ? text.split(',').map((one) => one.trim()) : [text],
    );
  } catch (error) {
    throw new UsageError(`${variable}: ${(error as Error).message}`);
  }
};

const asCommanderSays = { flag: 'cli', environment: 'env', file: 'config' } as const;

/** Gives the command its values: those that it was not given as flags, and those of flags with several names. */
export const applySettings = (command: Command, effective: readonly Effective[]): void => {
  for (const { setting, value, source } of effective) {
    if (source === 'default') continue;
    if (setting.key === queuesKey) command.processedArgs[0] = value;
    else command.setOptionValueWithSource(setting.key, value, asCommanderSays[source]);
  }
};
