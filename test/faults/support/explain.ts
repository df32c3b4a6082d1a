import type { LifecycleEvent } from '../../../src/redis/lifecycle-event.js';
import type { LedgerLine } from './scene.js';

/** Jobs that began more than once: those of which nothing tells why, and those whose runs had one fence. */
export const explain = (ledger: readonly LedgerLine[], events: readonly LifecycleEvent[]) => {
  const runs = new Map<string, Set<string>>();
  const fences = new Map<string, Set<number>>();
  for (const { id, execution, attempt } of ledger) {
    runs.set(id, (runs.get(id) ?? new Set()).add(execution));
    fences.set(id, (fences.get(id) ?? new Set()).add(attempt));
  }
  const taken = new Set<string>();
  for (const event of events) {
    // A failure before its retry counts as well.
    const { kind } = event;
    if (kind === 'recovered' || kind === 'handedBack' || kind === 'failed')
      taken.add(event.execution);
  }
  const repeated = [...runs].filter(([, executions]) => executions.size > 1);
  const unexplained = repeated.filter(
    ([, executions]) => [...executions].filter((execution) => !taken.has(execution)).length > 1,
  );
  const fenceless = repeated.filter(([id, { size }]) => fences.get(id)?.size !== size);
  const idsOf = (found: typeof repeated): string[] => found.map(([id]) => id);
  return {
    repeated: repeated.length,
    unexplained: idsOf(unexplained),
    fenceless: idsOf(fenceless),
  };
};
