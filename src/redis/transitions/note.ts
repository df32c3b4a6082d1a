import type { Redis } from 'ioredis';
import { keys } from '../keys.js';
import { loadScript, runWholeScript } from '../scripts.js';
import type { WireSettings } from './queue-keys.js';

const script = loadScript('note');

/** What a running job says of itself. */
export interface JobNote {
  /** Serialized with the job's own serializer. */
  meta?: Buffer;
  /** JSON text. */
  progress?: string;
  lines?: ReadonlyArray<{ level: string; line: string }>;
}

/** Writes a note, while the execution holds the job; else false, and nothing is written. */
export const writeNote = async (
  redis: Redis,
  worker: string,
  job: { jobId: string; queue: string; execution: string },
  note: JobNote,
  settings: WireSettings,
): Promise<boolean> => {
  const args = [
    job.jobId,
    job.execution,
    worker,
    settings.eventLogLength,
    note.meta ?? '',
    note.progress ?? '',
    note.lines && note.lines.length > 0 ? JSON.stringify(note.lines) : '',
  ];
  const scriptKeys = [keys.job(job.jobId), keys.wip(job.queue), keys.events(job.queue)];
  // The outcome of the job may be the next command, and after it the note would be refused.
  return (await runWholeScript(redis, script, scriptKeys, args)) === 1;
};
