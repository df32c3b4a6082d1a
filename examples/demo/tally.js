// @ts-check

/** What the lifecycle events say, added up: nothing here asks Redis or the worker. */
export class Tally {
  /** Events by kind. @type {Record<string, number>} */
  kinds = {};
  /** How often each job finished. @type {Map<string, number>} */
  finished = new Map();
  /** Jobs that are in the FailedQueue now. @type {Set<string>} */
  quarantined = new Set();
  /** Process ids of executors, as jobs logged them. @type {Set<number>} */
  processes = new Set();

  /** @param {import('rxrq').LogEvent} event */
  add(event) {
    this.kinds[event.kind] = this.count(event.kind) + 1;
    if (event.kind === 'finished') {
      this.finished.set(event.jobId, (this.finished.get(event.jobId) ?? 0) + 1);
    } else if (event.kind === 'quarantined') {
      this.quarantined.add(event.jobId);
    } else if (event.kind === 'requeued') {
      this.quarantined.delete(event.jobId);
    } else if (event.kind === 'logged') {
      this.processes.add(processIn(event));
    }
  }

  /** @param {import('rxrq').LifecycleKind | 'gap'} kind */
  count(kind) {
    return this.kinds[kind] ?? 0;
  }

  /** Jobs whose story is over, for now. */
  get ended() {
    return this.finished.size + this.quarantined.size;
  }
}

/** The process that a job said it runs in. @param {import('rxrq').EventOf<'logged'>} event */
export const processIn = ({ lines }) => Number(lines[0]?.line.match(/\d+$/)?.[0]);
