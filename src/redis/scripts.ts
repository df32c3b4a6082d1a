import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { WrongKeyTypeError } from './errors.js';
import { keys, prefixes, suffixes } from './keys.js';
import { type Argument, ScriptCall } from './script-call.js';
import { SlotConnection } from './slot-connection.js';

export type { Argument } from './script-call.js';

/** Bytes as they are sent fastest: a Buffer among the arguments has to be copied together with the text around it. */
export const asArgument = (bytes: Buffer): Argument =>
  isUtf8(bytes) ? bytes.toString('utf8') : bytes;

/** A Lua transition, ready to be sent by its hash. */
export interface Script extends Form {
  readonly name: string;
  /** The same one as it runs on a cluster: see `parts/in-space.lua`. */
  readonly inSpace: Form;
}

interface Form {
  readonly source: string;
  readonly sha: string;
}

const read = (path: string): string =>
  readFileSync(new URL(`./transitions/${path}.lua`, import.meta.url), 'utf8');

// `-- names: jobPrefix queuesKey` in a part becomes locals with the names of `keys.ts`: a script that learns only
// while it runs which keys it needs would else be handed them with each call.
const withNames = (source: string): string =>
  source.replace(/^-- names: (.+)$/gm, (_, list: string) => {
    const words = list.split(' ');
    return `local ${words.join(', ')} = ${words.map((word) => `'${nameOf(word)}'`).join(', ')}`;
  });

const nameOf = (word: string): string => {
  const [, name = '', kind = 'Key'] = /^(\w+)(Prefix|Suffix|Key)$/.exec(word) ?? [];
  const found = { Prefix: prefixes, Suffix: suffixes, Key: keys }[kind]?.[name as never] as unknown;
  if (typeof found !== 'string') throw new Error(`No name ${word} in keys.ts`);
  return found;
};

/**
 * Loads `transitions/<name>.lua`. Its first line may say `-- uses: clock events`: those
 * `transitions/parts/*.lua` are put before it, in that order; a line `-- part: fail` further down is replaced by
 * that part. Script text is never built from data.
 */
export const loadScript = (name: string): Script => {
  const body = read(name).replace(/^-- part: (\S+)$/gm, (_, part: string) => read(`parts/${part}`));
  const uses = /^-- uses: (.+)$/m.exec(body)?.[1]?.split(' ') ?? [];
  const source = [...uses.map((part) => read(`parts/${part}`)), body].map(withNames).join('\n');
  let inSpace: Form | undefined;
  return {
    name,
    ...formOf(source),
    // Most processes never meet a cluster.
    get inSpace() {
      inSpace ??= formOf(`${read('parts/in-space')}\n${source}`);
      return inSpace;
    },
  };
};

const formOf = (source: string): Form => ({
  source,
  sha: createHash('sha1').update(source).digest('hex'),
});

// On a cluster the first key is the space itself, `{space}:`, under which nothing ever lies: Redis then refuses the script as
// a whole, before it begins, while the slot is on its way between two nodes and the script would find a part of its keys.
const send = (
  redis: Redis,
  kind: 'source' | 'sha',
  script: Script,
  keys: readonly string[],
  args: readonly Argument[],
): Promise<unknown> => {
  const isInSpace = redis instanceof SlotConnection;
  const names = isInSpace ? ['', ...keys].map((key) => redis.tag + key) : keys;
  const words = [(isInSpace ? script.inSpace : script)[kind], names.length, ...names, ...args];
  const call = new ScriptCall(kind === 'sha' ? 'evalsha' : 'eval', words);
  return redis.sendCommand(call) as Promise<unknown>;
};

/**
 * Runs a script; replies are Buffers, because ids and payloads are bytes. A server that does not
 * know the hash gets the whole text (SCRIPT FLUSH, failover).
 *
 * @throws WrongKeyTypeError when the script found a key of another type, before its first write.
 */
export const runScript = (
  redis: Redis,
  script: Script,
  keys: readonly string[],
  args: readonly Argument[],
): Promise<unknown> =>
  send(redis, 'sha', script, keys, args).catch((error) => {
    if (error instanceof Error && error.message.startsWith('NOSCRIPT'))
      return runWholeScript(redis, script, keys, args);
    throw named(error);
  });

/**
 * Runs a script by its whole text: for what must be done before the connection's next command. A hash that
 * the server does not know comes back, and its text would then be sent behind that command.
 *
 * @throws as `runScript`
 */
export const runWholeScript = (
  redis: Redis,
  script: Script,
  keys: readonly string[],
  args: readonly Argument[],
): Promise<unknown> =>
  send(redis, 'source', script, keys, args).catch((error) => {
    throw named(error);
  });

const named = (error: unknown): unknown => {
  const message = error instanceof Error ? error.message : '';
  if (!message.startsWith('RXRQTYPE ')) return error;
  return new WrongKeyTypeError(message.slice('RXRQTYPE '.length));
};
