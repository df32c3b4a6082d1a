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
 * The value of each setting of a parsed command: the flag, else the variable, else the file, else the default.
 *
 * @throws UsageError naming the variable
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
  return sections.flatMap(([section, settings]) =>
    settings.map((setting): Effective => {
      const { key, variable } = setting;
      const isGiven =
        key === queuesKey ? command.args.length > 0 : command.getOptionValueSource(key) === 'cli';
      const ofCommand = key === queuesKey ? command.processedArgs[0] : command.getOptionValue(key);
      if (isGiven) return { setting, value: ofCommand, source: 'flag', from: '' };
      const text = env[variable];
      // An empty variable is one that somebody has unset.
      if (text !== undefined && text !== '')
        return {
          setting,
          value: fromVariable(setting, text),
          source: 'environment',
          from: variable,
        };
      const inFile = config.get(section)?.get(key);
      if (inFile !== undefined)
        return { setting, value: inFile, source: 'file', from: `${section}.${key}` };
      return { setting, value: ofCommand, source: 'default', from: '' };
    }),
  );
};

const truths: Readonly<Record<string, boolean>> = {
  '1': true,
  true: true,
  '0': false,
  false: false,
};

const fromVariable = (setting: Setting, text: string): unknown => {
  if (setting.kind === 'flag') {
    const value = truths[text.toLowerCase()];
    if (value === undefined)
      throw new UsageError(`${setting.variable} must be 1, true, 0 or false`);
    return value;
  }
  try {
    return setting.parse(
      setting.kind === 'list' ? text.split(',').map((one) => one.trim()) : [text],
    );
  } catch (error) {
    throw new UsageError(`${setting.variable}: ${(error as Error).message}`);
  }
};

/** Gives the command the values that it was not given as flags. */
export const applySettings = (command: Command, effective: readonly Effective[]): void => {
  for (const { setting, value, source } of effective) {
    if (source !== 'environment' && source !== 'file') continue;
    if (setting.key === queuesKey) command.processedArgs[0] = value;
    else command.setOptionValueWithSource(setting.key, value, source === 'file' ? 'config' : 'env');
  }
};
