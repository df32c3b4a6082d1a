import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import { UsageError } from '../exit.js';
import type { ConfigFile } from './config-file.js';
import { commonSettings, ownSettings, type Setting } from './settings.js';

/** Values of a config file, parsed as those of flags are: by section, then by key. */
export type Config = ReadonlyMap<string, ReadonlyMap<string, unknown>>;

/** Settings that name files; in a config file they are seen from there. */
const paths = new Set(['import', 'container', 'pid', 'socket']);

/**
 * Holds a config file against the options that the commands have: a section for each command, and `common`.
 *
 * @throws UsageError naming the file and every key that is wrong
 */
export const checkConfig = (file: ConfigFile, commands: readonly Command[]): Config => {
  const sections = new Map<string, Setting[]>([['common', commonSettings(commands[0] as Command)]]);
  for (const command of commands) {
    const own = ownSettings(command);
    if (own.length > 0) sections.set(command.name(), own);
  }
  const schema = z.strictObject(
    Object.fromEntries([...sections].map(([name, settings]) => [name, sectionOf(file, settings)])),
  );
  const checked = schema.safeParse(file.content);
  if (!checked.success) {
    const lines = checked.error.issues.map((issue) => tell(issue, sections));
    throw new UsageError(`config file ${file.path}: ${lines.join('; ')}`);
  }
  return new Map(
    Object.entries(checked.data).map(([name, section]) => [
      name,
      new Map(Object.entries(section ?? {}).filter(([, value]) => value !== undefined)),
    ]),
  );
};

const sectionOf = (file: ConfigFile, settings: readonly Setting[]) =>
  z
    .strictObject(
      Object.fromEntries(
        settings.flatMap((setting) =>
          setting.names.map(({ key }) => [key, schemaOf(file, setting).optional()]),
        ),
      ),
    )
    .optional();

const text = z.union([z.string(), z.number()], { error: 'must be text or a number' });

const schemaOf = (file: ConfigFile, setting: Setting): z.ZodType => {
  if (setting.kind === 'flag') return z.boolean({ error: 'must be true or false' });
  const shape =
    setting.kind === 'list'
      ? z.union([text, z.array(text)], { error: 'must be text, or a list of texts' })
      : text;
  return shape.transform((value, context) => {
    const texts = (Array.isArray(value) ? value : [value]).map(String);
    try {
      const parsed = setting.parse(texts);
      return paths.has(setting.key) ? seenFrom(dirname(file.path), parsed) : parsed;
    } catch (error) {
      context.addIssue({ code: 'custom', message: lowered((error as Error).message) });
      return z.NEVER;
    }
  });
};

/** The path, or the paths, of a setting. */
const seenFrom = (directory: string, paths: unknown): unknown =>
  Array.isArray(paths)
    ? paths.map((path) => resolve(directory, String(path)))
    : resolve(directory, String(paths));

const lowered = (message: string): string => message.replace(/^It (must)/, '$1').replace(/\.$/, '');

const tell = (
  issue: z.core.$ZodIssue,
  sections: ReadonlyMap<string, readonly Setting[]>,
): string => {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    const there =
      path[0] === undefined
        ? [...sections.keys()]
        : (sections.get(path[0]) ?? []).flatMap(({ names }) => names.map(({ key }) => key));
    const unknown = issue.keys.map((key) => [...path, key].join('.')).join(', ');
    return `${unknown} is unknown (there is: ${there.join(', ')})`;
  }
  if (issue.code === 'invalid_type' && path.length < 2)
    return `${path.join('.') || 'its content'} must be an object`;
  return `${path.join('.')} ${issue.message}`;
};
