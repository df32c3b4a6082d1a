import type { Command } from 'commander';
import type { Io } from '../io.js';
import { readConfigFile } from './config-file.js';
import type { Config } from './config-schema.js';

/**
 * The config file that was named, in the flag or in `RXRQ_CONFIG`, or that of the working directory.
 *
 * @throws UsageError naming the file and the key
 */
export const loadConfig = async (
  program: Command,
  named: string | undefined,
  { env, cwd }: Io,
): Promise<{ path: string | null; sections: Config }> => {
  const file = await readConfigFile(named ?? (env.RXRQ_CONFIG || undefined), cwd);
  if (file === null) return { path: null, sections: new Map() };
  // Most have no file, and zod takes its time to load.
  const { checkConfig } = await import('./config-schema.js');
  return { path: file.path, sections: checkConfig(file, program.commands) };
};
