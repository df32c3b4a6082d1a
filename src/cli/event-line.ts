import type { LogEvent } from '../index.js';
import { escapeText } from './escape.js';
import type { Colors } from './io.js';

type Details = { [Kind in LogEvent['kind']]: (event: Extract<LogEvent, { kind: Kind }>) => string };

// The log may hold anything: a field is shown for what it is, and never trusted to have its type.
const shown = (value: unknown): string =>
  escapeText(typeof value === 'string' ? value : (JSON.stringify(value) ?? '?'), 300);

const isAbove = (value: unknown, bound: number): boolean =>
  typeof value === 'number' && value > bound;

const dateText = (ms: unknown): string => {
  const date = new Date(typeof ms === 'number' ? ms : Number.NaN);
  return Number.isNaN(date.getTime()) ? shown(ms) : date.toISOString();
};

const mayHaveBegun = ({ execution }: { execution?: string }): string =>
  execution === undefined ? '' : 'it was claimed ahead, and may have begun';

const details: Details = {
  enqueued: () => '',
  scheduled: ({ dueAt }) => `for ${dateText(dueAt)}`,
  deferred: () => 'waits for other jobs',
  rateLimited: () => 'waits for a slot of its rate limit',
  released: ({ by }) => (by === '' ? 'by a janitor' : `by the end of ${shown(by)}`),
  started: ({ attempt }) => (isAbove(attempt, 1) ? `attempt ${shown(attempt)}` : ''),
  finished: ({ tookMs }) => `${shown(tookMs)} ms`,
  failed: ({ reason }) => shown(reason),
  retried: ({ retriesLeft, delaySeconds }) =>
    `${shown(retriesLeft)} retries left${isAbove(delaySeconds, 0) ? `, in ${shown(delaySeconds)} s` : ''}`,
  stopped: () => '',
  repeated: ({ repeatsLeft, delaySeconds }) =>
    `${shown(repeatsLeft)} repeats left${isAbove(delaySeconds, 0) ? `, in ${shown(delaySeconds)} s` : ''}`,
  quarantined: ({ reason }) => shown(reason),
  requeued: () => '',
  recovered: ({ recoveries }) => `its worker was lost, recovery ${shown(recoveries)}`,
  handedBack: ({ reason }) => shown(reason),
  lost: ({ outcome }) => `too late: ${shown(outcome)}`,
  progressed: ({ progress }) => progressText(progress),
  logged: ({ lines }) => logTexts(lines).join(' | '),
  canceled: mayHaveBegun,
  deleted: mayHaveBegun,
  dropped: ({ reason }) => shown(reason),
  gap: ({ after, before }) =>
    `the log was trimmed: events between ${shown(after)} and ${shown(before)} are gone`,
};

/** Every kind of event that a log can tell. */
export const eventKinds = Object.keys(details) as ReadonlyArray<LogEvent['kind']>;

/** What `job.progress` was told: a part of one as percent, else as it is. */
export const progressText = (progress: unknown): string =>
  typeof progress === 'number' && progress >= 0 && progress <= 1
    ? `${Math.round(progress * 100)}%`
    : shown(progress);

/** Lines of `job.log`, each with its level where that is not `info`. */
export const logTexts = (lines: unknown): string[] =>
  (Array.isArray(lines) ? lines : []).map((entry: unknown) => {
    const { level, line } = (entry ?? {}) as { level?: unknown; line?: unknown };
    return level === 'info' ? shown(line) : `${shown(level)}: ${shown(line)}`;
  });

/** What an event says beyond its kind. */
export const eventDetail = (event: LogEvent): string =>
  (details[event.kind] as (event: LogEvent) => string)(event);

const good = new Set(['finished']);
const bad = new Set(['failed', 'quarantined', 'lost', 'gap']);
const notable = new Set([
  'retried',
  'stopped',
  'requeued',
  'recovered',
  'handedBack',
  'canceled',
  'deleted',
  'dropped',
]);

/** A kind in its colour, padded to a column. */
export const kindText = (kind: LogEvent['kind'], colors: Colors): string => {
  const text = kind.padEnd(11);
  if (good.has(kind)) return colors.green(text);
  if (bad.has(kind)) return colors.red(text);
  return notable.has(kind) ? colors.yellow(text) : colors.dim(text);
};

/** A time of day as the terminal's owner reads it, from milliseconds. */
export const clockText = (atMs: number): string => {
  const date = new Date(atMs);
  if (Number.isNaN(date.getTime())) return '??:??:??.???';
  const pad = (value: number, width = 2): string => String(value).padStart(width, '0');
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}.${pad(date.getMilliseconds(), 3)}`;
};

/** A moment in UTC, from milliseconds, whatever number a log may hold. */
export const utcText = (atMs: number): string => {
  const date = new Date(atMs);
  return Number.isNaN(date.getTime()) ? '?' : date.toISOString();
};
