import { jobInScope } from '../tasks.js';

type Stream = 'stdout' | 'stderr';
type Take = (jobId: string | null, stream: Stream, text: string) => void;

/**
 * Takes over what code in this process prints, so that handlers that run here (`--isolation inline`) are
 * told apart by their job as those in children are, and cannot write between the lines of `--json`.
 */
export const captureOutput = (take: Take): void => {
  for (const name of ['stdout', 'stderr'] as const) {
    const stream = process[name];
    stream.write = ((chunk: string | Uint8Array, encoding?: unknown, done?: unknown): boolean => {
      const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8');
      take(jobInScope()?.id ?? null, name, text);
      const callback = typeof encoding === 'function' ? encoding : done;
      if (typeof callback === 'function') process.nextTick(callback as () => void);
      return true;
    }) as typeof stream.write;
  }
};
