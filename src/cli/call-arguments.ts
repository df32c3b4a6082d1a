import { readFileSync } from 'node:fs';
import { parseJson } from '../redis/payload/json.js';
import { setOwn } from '../redis/payload/plain.js';
import { UsageError } from './exit.js';
import { PythonLiteralError, parsePythonLiteral } from './python-literal.js';

type Mode = 'text' | 'json' | 'literal';

export interface CallArguments {
  args: unknown[];
  kwargs: Record<string, unknown>;
}

/** What no one means as text: a number, true, false, null. */
const bareJson = /^(?:-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?(?:[eE][+-]?\d{1,3})?|true|false|null)$/;

/**
 * The same for `run`, where somebody waits at the terminal: a bare number, `true`, `false` and `null` are what
 * they look like, so that `run tasks.add 2 3` adds. Everything else is as in `parseCallArguments`; a number that
 * is meant as text is written `:"2"`.
 *
 * @throws UsageError naming the argument
 */
export const parseTypedArguments = (given: readonly string[]): CallArguments =>
  parseCallArguments(
    given.map((argument) => (bareJson.test(argument) ? `:${argument}` : argument)),
  );

/**
 * A call's arguments as they are written on the command line. RQ: `parse_function_args`.
 *
 * `text` is a string, `:json` is JSON, `%literal` a Python literal; `key=text`, `key:=json` and
 * `key%=literal` are keyword arguments; a value that begins with `@` is read from that file.
 *
 * @throws UsageError naming the argument
 */
export const parseCallArguments = (given: readonly string[]): CallArguments => {
  const args: unknown[] = [];
  const kwargs: Record<string, unknown> = {};
  for (const argument of given) {
    const { keyword, mode, text } = split(argument);
    const shown =
      keyword === null ? `argument ${args.length + 1}` : `argument ${JSON.stringify(keyword)}`;
    const value = read(mode, text.startsWith('@') ? readFile(text.slice(1), shown) : text, shown);
    if (keyword === null) args.push(value);
    else if (Object.hasOwn(kwargs, keyword)) throw new UsageError(`${shown} is given twice`);
    else setOwn(kwargs, keyword, value);
  }
  return { args, kwargs };
};

// As RQ decides it: the mark must be the first of its kind and stand right before the first "=".
const split = (argument: string): { keyword: string | null; mode: Mode; text: string } => {
  if (argument.startsWith(':')) return { keyword: null, mode: 'json', text: argument.slice(1) };
  if (argument.startsWith('%')) return { keyword: null, mode: 'literal', text: argument.slice(1) };
  const equals = argument.indexOf('=');
  if (equals <= 0) return { keyword: null, mode: 'text', text: argument };
  const text = argument.slice(equals + 1);
  if (argument.indexOf(':') === equals - 1)
    return { keyword: argument.slice(0, equals - 1), mode: 'json', text };
  if (argument.indexOf('%') === equals - 1)
    return { keyword: argument.slice(0, equals - 1), mode: 'literal', text };
  return { keyword: argument.slice(0, equals), mode: 'text', text };
};

const readFile = (path: string, shown: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`${shown}: ${error instanceof Error ? error.message : String(error)}`);
  }
};

const read = (mode: Mode, text: string, shown: string): unknown => {
  if (mode === 'text') return text;
  try {
    return mode === 'json' ? parseJson(Buffer.from(text)) : parsePythonLiteral(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (mode === 'json') throw new UsageError(`${shown} is not JSON (${reason})`);
    if (error instanceof PythonLiteralError)
      throw new UsageError(`${shown} is no Python literal: ${reason}`);
    throw error;
  }
};
