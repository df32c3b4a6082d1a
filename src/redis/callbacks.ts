import { type Duration, durationOption } from './duration.js';
import { InvalidOptionError } from './errors.js';
import { checkKnown } from './known-options.js';

/** When a callback is called. */
export type CallbackMoment = 'success' | 'failure' | 'stopped';
export const callbackMoments = ['success', 'failure', 'stopped'] as const;

/** A handler to call when a job has ended: a task or a name, alone or with a limit of its own. */
export type CallbackOption =
  | CallbackTarget
  | {
      readonly call: CallbackTarget;
      /** How long it may take. Default 60 s, as in RQ. */
      readonly timeout?: Duration;
      readonly timeoutSeconds?: number;
    };
type CallbackTarget = string | { readonly name: string; readonly handler: unknown };

export interface Callback {
  readonly name: string;
  readonly timeoutMs: number;
  /** Named by Python, in RQ's fields: it is called here only if a handler has exactly that name. */
  readonly isPython: boolean;
}

export type Callbacks = Partial<Readonly<Record<CallbackMoment, Callback>>>;

/** RQ: `CALLBACK_TIMEOUT`. */
const defaultSeconds = 60;
const longestName = 512;
const known = new Set(['call', 'timeout', 'timeoutSeconds']);

/**
 * The field `x_callbacks`: RQ's own fields hold names that Python imports, and a process of Python's that cleans
 * stops at one that it does not find.
 *
 * @throws InvalidOptionError
 */
export const encodeCallbacks = (
  given: {
    readonly [K in CallbackMoment]?: CallbackOption | undefined;
  },
): string | null => {
  const entries = callbackMoments.flatMap((moment) => {
    const option = given[moment];
    return option === undefined ? [] : [[moment, entryOf(optionNames[moment], option)] as const];
  });
  return entries.length === 0 ? null : JSON.stringify(Object.fromEntries(entries));
};

/** What the options are called. */
export const optionNames = {
  success: 'onSuccess',
  failure: 'onFailure',
  stopped: 'onStopped',
} as const;

const entryOf = (option: string, given: CallbackOption): [name: string, seconds: number] => {
  const detailed = typeof given === 'object' && given !== null && 'call' in given ? given : null;
  if (detailed) checkKnown(detailed, known, `${option}.`);
  const target = (detailed ? detailed.call : given) as unknown;
  const isTask = typeof target === 'object' && target !== null && 'handler' in target;
  const name: unknown = isTask ? (target as { name?: unknown }).name : target;
  if (
    typeof name !== 'string' ||
    name === '' ||
    name.length > longestName ||
    /[\p{Cc}\s]/u.test(name)
  )
    throw new InvalidOptionError(
      option,
      'it must be a task or the name of a handler, or { call, timeout }',
    );
  const seconds = detailed && durationOption(detailed, 'timeout', { least: 1 }, `${option}.`);
  return [name, seconds ?? defaultSeconds];
};

/** Reads the field `x_callbacks`. @throws SyntaxError, TypeError for what we did not write */
export const decodeCallbacks = (text: string): Callbacks => {
  const all = JSON.parse(text) as Record<string, unknown>;
  const callbacks: { [K in CallbackMoment]?: Callback } = {};
  for (const moment of callbackMoments) {
    const entry = Object.hasOwn(all, moment) ? all[moment] : undefined;
    if (entry === undefined) continue;
    const [name, seconds] = Array.isArray(entry) ? entry : [];
    if (typeof name !== 'string' || !(typeof seconds === 'number' && seconds > 0))
      throw new TypeError(`${moment} is no callback`);
    callbacks[moment] = { name, timeoutMs: seconds * 1000, isPython: false };
  }
  return callbacks;
};

/** A callback of Python's, from RQ's two fields; `null` when there is none. */
export const pythonCallback = (name: string, timeout: string): Callback | null => {
  if (name === '' || name.length > longestName) return null;
  const seconds = /^\d{1,9}$/.test(timeout) ? Number(timeout) : defaultSeconds;
  return { name, timeoutMs: Math.max(1, seconds) * 1000, isPython: true };
};
