import type { JobToRun } from './job-to-run.js';
import type { Settled } from './recorder.js';
import { troubleTo } from './trouble.js';

/** What a worker tells whoever runs it, from its own loop: be quick. What they throw is told to `onTrouble`. */
export interface WorkerEvents {
  onReady?(names: readonly string[]): void;
  /** Claimed; those that are held begin a little later. */
  onStarted?(jobs: readonly JobToRun[]): void;
  onSettled?(settled: Settled): void;
  onOutput?(job: JobToRun | null, stream: 'stdout' | 'stderr', text: string): void;
  /** All workers were suspended, or resumed: `rq suspend`. Known with the next look at the queues, 5 s at most. */
  onSuspended?(isSuspended: boolean): void;
  /** Something that an operator may have to see to; the worker goes on. Nobody listens: a warning of the process. */
  onTrouble?(error: unknown): void;
}

/** The same events, none of which throws: a listener's mistake must not cost a job its outcome. */
export const guarded = (on: WorkerEvents): Required<WorkerEvents> => {
  const onTrouble = troubleTo(on.onTrouble?.bind(on));
  const guard =
    <Args extends unknown[]>(listener: ((...args: Args) => void) | undefined) =>
    (...args: Args): void => {
      try {
        listener?.(...args);
      } catch (error) {
        onTrouble(error);
      }
    };
  return {
    onReady: guard(on.onReady?.bind(on)),
    onStarted: guard(on.onStarted?.bind(on)),
    onSettled: guard(on.onSettled?.bind(on)),
    onOutput: guard(on.onOutput?.bind(on)),
    onSuspended: guard(on.onSuspended?.bind(on)),
    onTrouble,
  };
};
