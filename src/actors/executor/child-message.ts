import type { RetryAsked } from '../../redis/transitions/settlement.js';
import type { LogLevel } from '../../tasks.js';
import type { Note, StopReason } from './executor.js';
import {
  encodeFrame,
  type Frame,
  ProtocolError,
  plainFrameLength,
  writePlainHead,
} from './frames.js';
import type { BegunReport, ChildMessage, ChildOutcome, EndedReport, Report } from './protocol.js';

// Of nearly all jobs is said that they began, and what they returned. That goes without JSON: the message is
// a sum of these, then come doubles (seq, clockMs; job, tookMs; job, atMs), then the result.
const plain = { ended: 1, result: 2, begun: 4 } as const;
const plainNumbers = 16;

/** Whether the step may go without JSON. */
const isPlain = ({ ended, note, leaving }: Report): boolean =>
  (ended === undefined || ended.outcome.kind === 'returned') &&
  note === undefined &&
  leaving === undefined;

/** Writes a step as it is sent into `out`. Where it ends, or `null`: it must be sent by `encodeChildMessage`. */
export const writeStep = (out: Buffer, at: number, step: Report, token: Buffer): number | null => {
  const { seq, clockMs, ended, begun } = step;
  if (!isPlain(step)) return null;
  const result = ended?.outcome.kind === 'returned' ? ended.outcome.result : null;
  const flags = (ended ? plain.ended : 0) + (result ? plain.result : 0) + (begun ? plain.begun : 0);
  const length = numbersLength(flags) + (result?.length ?? 0);
  if (at + plainFrameLength(length, token) > out.length) return null;
  let next = writePlainHead(out, at, flags, length, token);
  next = out.writeDoubleLE(clockMs, out.writeDoubleLE(seq, next));
  if (ended) next = out.writeDoubleLE(ended.tookMs, out.writeDoubleLE(ended.job, next));
  if (begun) next = out.writeDoubleLE(begun.atMs, out.writeDoubleLE(begun.job, next));
  if (result) out.set(result, next);
  return next + (result?.length ?? 0);
};

const numbersLength = (flags: number): number =>
  plainNumbers *
  (1 + ((flags & plain.ended) === 0 ? 0 : 1) + ((flags & plain.begun) === 0 ? 0 : 1));

const readPlainStep = (flags: number, bytes: Buffer): Report => {
  const hasEnded = (flags & plain.ended) !== 0;
  const hasResult = (flags & plain.result) !== 0;
  const hasBegun = (flags & plain.begun) !== 0;
  const end = numbersLength(flags);
  if (flags > 7 || (hasResult && !hasEnded)) throw new ProtocolError('a step of an unknown kind');
  if (hasResult ? bytes.length < end : bytes.length !== end) throw wrong('step');
  const seq = integer(bytes.readDoubleLE(0), 'seq');
  const clockMs = number(bytes.readDoubleLE(8), 'clockMs');
  let ended: EndedReport | undefined;
  if (hasEnded) {
    // A copy: a small result must not keep a whole block of the socket in memory.
    const result = hasResult ? Buffer.from(bytes.subarray(end)) : null;
    ended = {
      job: integer(bytes.readDoubleLE(16), 'ended.job'),
      outcome: { kind: 'returned', result },
      tookMs: number(bytes.readDoubleLE(24), 'ended.tookMs'),
    };
  }
  const begun = hasBegun
    ? {
        job: integer(bytes.readDoubleLE(end - 16), 'begun.job'),
        atMs: number(bytes.readDoubleLE(end - 8), 'begun.atMs'),
      }
    : undefined;
  return { kind: 'report', seq, clockMs, ended, begun };
};

/** A message to the parent, as bytes. Result and meta go behind the JSON, as they are. */
export const encodeChildMessage = (message: ChildMessage, token: Buffer): Buffer => {
  if (message.kind !== 'report') return encodeFrame(message, [], token);
  const attachments: Buffer[] = [];
  let { ended, note }: { ended?: object | undefined; note?: object | undefined } = message;
  if (message.ended?.outcome.kind === 'returned') {
    const { result } = message.ended.outcome;
    if (result) attachments.push(result);
    ended = { ...message.ended, outcome: { kind: 'returned', result: result?.length ?? null } };
  }
  if (message.note?.note.meta) {
    const { meta } = message.note.note;
    attachments.push(meta);
    note = { job: message.note.job, note: { ...message.note.note, meta: meta.length } };
  }
  return encodeFrame({ ...message, ended, note }, attachments, token);
};

/**
 * What a child said, checked field by field: handlers share its process, so it may be anybody's
 * words. Only known keys, only their types; nothing is merged or looked up by a name from it.
 *
 * @throws ProtocolError naming the field
 */
export const decodeChildMessage = ({ message, attachments }: Frame): ChildMessage => {
  if (typeof message === 'number') return readPlainStep(message, attachments);
  const fields = record(message, 'message');
  switch (fields.kind) {
    case 'ready':
      only(fields, 'ready', ['kind', 'clockMs', 'handlers']);
      return {
        kind: 'ready',
        clockMs: number(fields.clockMs, 'clockMs'),
        handlers: list(fields.handlers, 'handlers').map((name) => text(name, 'handlers', 4096)),
      };
    case 'failedToLoad':
      only(fields, 'failedToLoad', ['kind', 'message', 'detail']);
      return {
        kind: 'failedToLoad',
        message: text(fields.message, 'message', 1 << 17),
        detail: text(fields.detail, 'detail', 1 << 17),
      };
    case 'report':
      return report(fields, attachments);
    default:
      throw new ProtocolError('a message of an unknown kind');
  }
};

const report = (fields: Fields, attachments: Buffer): ChildMessage => {
  only(fields, 'report', ['kind', 'seq', 'clockMs', 'ended', 'begun', 'note', 'leaving']);
  const bytes = new Attachments(attachments);
  const decoded = {
    kind: 'report' as const,
    seq: integer(fields.seq, 'seq'),
    clockMs: number(fields.clockMs, 'clockMs'),
    ...(fields.ended !== undefined && { ended: ended(record(fields.ended, 'ended'), bytes) }),
    ...(fields.begun !== undefined && { begun: begun(record(fields.begun, 'begun')) }),
    ...(fields.note !== undefined && { note: note(record(fields.note, 'note'), bytes) }),
    ...(fields.leaving !== undefined && { leaving: text(fields.leaving, 'leaving', 1 << 14) }),
  };
  bytes.done();
  return decoded;
};

const begun = (fields: Fields): BegunReport => {
  only(fields, 'begun', ['job', 'atMs']);
  return { job: integer(fields.job, 'begun.job'), atMs: number(fields.atMs, 'begun.atMs') };
};

const ended = (fields: Fields, bytes: Attachments): EndedReport => {
  only(fields, 'ended', ['job', 'outcome', 'tookMs']);
  return {
    job: integer(fields.job, 'ended.job'),
    outcome: outcome(record(fields.outcome, 'outcome'), bytes),
    tookMs: number(fields.tookMs, 'ended.tookMs'),
  };
};

const stopReasons: readonly string[] = [
  'canceled',
  'deleted',
  'lost',
  'shutdown',
  'byUser',
] satisfies StopReason[];

const outcome = (fields: Fields, bytes: Attachments): ChildOutcome => {
  switch (fields.kind) {
    case 'returned': {
      only(fields, 'returned', ['kind', 'result']);
      const { result } = fields;
      return { kind: 'returned', result: result === null ? null : bytes.take(result, 'result') };
    }
    case 'threw': {
      only(fields, 'threw', ['kind', 'error', 'retryable', 'retryAsked']);
      const error = record(fields.error, 'error');
      only(error, 'error', ['name', 'message', 'stack']);
      if (typeof fields.retryable !== 'boolean') throw wrong('retryable');
      const name = text(error.name, 'error.name', 1 << 14);
      const message = text(error.message, 'error.message', 1 << 17);
      const stack = text(error.stack, 'error.stack', 1 << 17);
      const { retryable, retryAsked: asked } = fields;
      return {
        kind: 'threw',
        error: { name, message, stack },
        retryable,
        ...(asked !== undefined && { retryAsked: retryAsked(record(asked, 'retryAsked')) }),
      };
    }
    case 'undecodable':
      only(fields, 'undecodable', ['kind', 'cause', 'isPythons']);
      return {
        kind: 'undecodable',
        cause: text(fields.cause, 'cause', 1 << 17),
        ...(fields.isPythons === true && { isPythons: true }),
      };
    case 'unknownHandler':
      only(fields, 'unknownHandler', ['kind', 'functionName']);
      return { kind: 'unknownHandler', functionName: text(fields.functionName, 'name', 4096) };
    case 'notBegun':
      only(fields, 'notBegun', ['kind', 'reason']);
      return { kind: 'notBegun', reason: text(fields.reason, 'reason', 1 << 14) };
    case 'stopped': {
      only(fields, 'stopped', ['kind', 'reason']);
      const reason = text(fields.reason, 'reason', 20);
      if (!stopReasons.includes(reason)) throw wrong('reason');
      return { kind: 'stopped', reason: reason as StopReason };
    }
    default:
      throw new ProtocolError('an outcome of an unknown kind');
  }
};

const retryAsked = (fields: Fields): RetryAsked => {
  only(fields, 'retryAsked', ['max', 'intervalsSeconds']);
  const intervals = list(fields.intervalsSeconds, 'intervalsSeconds');
  if (intervals.length < 1 || intervals.length > 1_000) throw wrong('intervalsSeconds');
  return {
    max: integer(fields.max, 'max'),
    intervalsSeconds: intervals.map((pause) => integer(pause, 'intervalsSeconds')),
  };
};

const levels: readonly string[] = ['debug', 'info', 'warn', 'error'] satisfies LogLevel[];

const note = (fields: Fields, bytes: Attachments): { job: number; note: Note } => {
  only(fields, 'note', ['job', 'note']);
  const inner = record(fields.note, 'note');
  only(inner, 'note', ['progress', 'log', 'dropped', 'meta']);
  const { progress, log, dropped, meta } = inner;
  return {
    job: integer(fields.job, 'note.job'),
    note: {
      ...(progress !== undefined && { progress: text(progress, 'progress', 1 << 17) }),
      ...(log !== undefined && { log: list(log, 'log').map(logLine) }),
      ...(dropped !== undefined && { dropped: integer(dropped, 'dropped') }),
      ...(meta !== undefined && { meta: bytes.take(meta, 'meta') }),
    },
  };
};

const logLine = (value: unknown): [LogLevel, string] => {
  const [level, line, ...more] = list(value, 'log');
  if (more.length > 0 || !levels.includes(level as string)) throw wrong('log');
  return [level as LogLevel, text(line, 'log', 1 << 17)];
};

type Fields = { readonly [key: string]: unknown };

const wrong = (field: string) => new ProtocolError(`a message whose "${field}" is wrong`);

const record = (value: unknown, field: string): Fields => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(field);
  return value as Fields;
};

// JSON.parse makes own keys only, `__proto__` too: it is refused here like any unknown one.
const only = (fields: Fields, field: string, keys: readonly string[]): void => {
  for (const key of Object.keys(fields)) if (!keys.includes(key)) throw wrong(field);
};

const list = (value: unknown, field: string): readonly unknown[] => {
  if (!Array.isArray(value)) throw wrong(field);
  return value;
};

const text = (value: unknown, field: string, limit: number): string => {
  if (typeof value !== 'string' || value.length > limit) throw wrong(field);
  return value;
};

const number = (value: unknown, field: string): number => {
  if (!Number.isFinite(value) || (value as number) < 0) throw wrong(field);
  return value as number;
};

const integer = (value: unknown, field: string): number => {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw wrong(field);
  return value as number;
};

/** Cuts the bytes behind a message into what its fields say, all of them and no more. */
class Attachments {
  #at = 0;
  constructor(private readonly bytes: Buffer) {}

  take(length: unknown, field: string): Buffer {
    const end = this.#at + integer(length, field);
    if (end > this.bytes.length) throw wrong(field);
    const taken = this.bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  done(): void {
    if (this.#at !== this.bytes.length) throw new ProtocolError('a message with bytes to spare');
  }
}
