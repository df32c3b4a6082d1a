import type { JobNote } from '../redis/transitions/note.js';
import type { Note } from './executor/executor.js';

/** What a running job said of itself, as Redis takes it. That lines were dropped is a line as well. */
export const jobNoteOf = ({ meta, progress, log = [], dropped = 0 }: Note): JobNote => {
  const lines = log.map(([level, line]) => ({ level: level as string, line }));
  if (dropped > 0)
    lines.push({ level: 'warn', line: `${dropped} lines were dropped: too many at a time` });
  return { lines, ...(meta && { meta }), ...(progress !== undefined && { progress }) };
};
