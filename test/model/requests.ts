import type { Budget, Scope } from './scope.js';
import type { EndKind, Exchange, Worker } from './world.js';

/** The requests that a worker may make now, each with all room that it has. */
export const requestsOf = function* (
  worker: Worker,
  scope: Scope,
): Generator<{ exchange: Exchange; spends: ReadonlyArray<keyof Budget> }> {
  const make = (parts: Partial<Exchange>, room: number): Exchange => ({
    worker: worker.name,
    tag: worker.tag,
    requestId: worker.tag + (worker.calls + 1).toString(16).padStart(12, '0'),
    settles: null,
    begins: null,
    hint: worker.hint,
    toStart: room,
    toHold: 0,
    ...parts,
  });
  const room = scope.capacity - worker.held.length;
  if (room > 0 || worker.hint !== null) yield { exchange: make({}, room), spends: [] };
  // Else one that never renews could claim and lose a job for ever, each time with another fence.
  if (room > 0 && scope.holds && !worker.isOverdue)
    yield { exchange: make({ toStart: 0, toHold: room }, room), spends: [] };
  for (const held of worker.held) {
    if (held.hasBegun && !held.isBeginTold)
      yield { exchange: make({ begins: held }, room), spends: [] };
    const settled = (end: EndKind): Exchange => make({ settles: { held, end } }, room + 1);
    if (held.hasBegun) {
      yield { exchange: settled('finish'), spends: [] };
      yield { exchange: settled('fail'), spends: ['fails'] };
    }
    yield { exchange: settled('back'), spends: ['backs'] };
  }
};

/** What it asks for, in a trace. */
export const labelOf = ({ worker, settles, begins, hint, toStart, toHold }: Exchange): string => {
  const asks = [
    settles && `${settles.end} ${settles.held.job.jobId}`,
    begins && `tell that ${begins.job.jobId} has begun`,
    hint !== null && `bring the hint ${hint}`,
    toStart > 0 && `start ${toStart}`,
    toHold > 0 && `hold ${toHold}`,
  ];
  return `${worker}: ${asks.filter(Boolean).join(', ')}`;
};
