import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { importModule } from '../../actors/handlers/load-handlers.js';
import { UsageError } from '../exit.js';
import { isPythonModule } from '../python-module.js';

/** A config file as it was read, not yet checked. */
export interface ConfigFile {
  path: string;
  content: unknown;
}

const names = ['js', 'mjs', 'ts', 'json'].map((extension) => `rxrq.config.${extension}`);

const aboutPython =
  'is a Python settings module, which Node cannot read: put its REDIS_URL, QUEUES and NAME into rxrq.config.json as common.url, worker.queues and worker.name';

/**
 * The file that was named, or the one `rxrq.config.*` of the working directory; `null` when there is none.
 *
 * @throws UsageError naming the file
 */
export const readConfigFile = async (
  named: string | undefined,
  directory: string,
): Promise<ConfigFile | null> => {
  const path = named === undefined ? find(directory) : resolve(directory, named);
  if (path === null) return null;
  if (named !== undefined && isPythonModule(named, path))
    throw new UsageError(`${named} ${aboutPython}`);
  if (!existsSync(path)) throw new UsageError(`config file ${path}: there is no such file`);
  return { path, content: path.endsWith('.json') ? readJson(path) : await readModule(path) };
};

const find = (directory: string): string | null => {
  const found = names.filter((name) => existsSync(resolve(directory, name)));
  if (found.length > 1)
    throw new UsageError(
      `${found.join(' and ')} are both there: keep one, or name it with --config`,
    );
  return found[0] === undefined ? null : resolve(directory, found[0]);
};

const readJson = (path: string): unknown => {
  try {
    return JSON.parse(readFileSync(path, 'utf8').replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new UsageError(`config file ${path} is not JSON (${reasonOf(error)})`);
  }
};

const readModule = async (path: string): Promise<unknown> => {
  let exports: { default?: unknown };
  try {
    exports = await importModule(pathToFileURL(path));
  } catch (error) {
    throw new UsageError(
      `config file ${path} did not load: ${reasonOf((error as Error).cause ?? error)}`,
    );
  }
  if (exports.default === undefined)
    throw new UsageError(`config file ${path} has no default export`);
  return exports.default;
};

const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
