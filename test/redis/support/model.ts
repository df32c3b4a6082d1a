/** A job as the model knows it. */
export interface ModelJob {
  status: 'queued' | 'started' | 'finished' | 'failed' | 'scheduled' | 'canceled';
  data: string;
  retries: number | null;
  delaySeconds: number;
  resultTtl: number | null;
  failureTtl: number | null;
  attempt: number;
  recoveries: number;
  /** The execution that holds it without having begun. */
  exec: string | null;
}

export type ModelEnd =
  | { kind: 'finish' }
  | { kind: 'fail'; retryable: boolean }
  | { kind: 'back' }
  | { kind: 'pass'; limit: 0 };

export interface ModelSettlement {
  id: string;
  execution: string;
  isHeld: boolean;
  /** Its begin is told with the end. */
  isBegunNow: boolean;
  end: ModelEnd;
}

export interface ModelRequest {
  requestId: string;
  hints: string[];
  begun: Array<{ id: string; execution: string }>;
  settlements: ModelSettlement[];
  toStart: number;
  toHold: number;
}

export interface ModelReply {
  verdicts: string[];
  claimed: Array<{ id: string; execution: string; started: boolean; attempt: number }>;
}

const maxRecoveries = 1;

/** One queue as it should be: places, statuses and leases, and nothing of how Redis keeps them. */
export class Model {
  readonly jobs = new Map<string, ModelJob>();
  list: string[] = [];
  flying: string[] = [];
  /** Execution to job. */
  readonly wip = new Map<string, string>();
  /** Executions that claimed a job of which nothing was said: that counts at its end, whatever its hash says then. */
  private readonly ofNew = new Set<string>();
  failedQueue: string[] = [];
  private readonly replies = new Map<string, { requestId: string; reply: ModelReply }>();

  enqueue(
    id: string,
    job: Pick<ModelJob, 'data' | 'retries' | 'delaySeconds' | 'resultTtl' | 'failureTtl'>,
    atFront: boolean,
  ): string {
    const there = this.jobs.get(id);
    if (there) return there.data === job.data ? 'same' : 'duplicate';
    this.jobs.set(id, { ...job, status: 'queued', attempt: 0, recoveries: 0, exec: null });
    if (atFront) this.list.unshift(id);
    else this.list.push(id);
    return 'written';
  }

  /** `null` for a request that is older than the last one that was answered. */
  exchange(place: string, request: ModelRequest, isAskedAgain = false): ModelReply | null {
    const last = this.replies.get(place);
    if (last && last.requestId > request.requestId) return null;
    if (last?.requestId === request.requestId) {
      const claimed = last.reply.claimed.filter(
        ({ id, execution }) => this.wip.get(execution) === id && this.jobs.has(id),
      );
      return { ...last.reply, claimed };
    }
    // A copy of a call that was asked again may still come: it must find that call's mark.
    const changed = isAskedAgain || request.settlements.length + request.begun.length > 0;
    for (const id of request.hints) {
      if (this.take(this.flying, id)) this.list.unshift(id);
    }
    for (const { id, execution } of request.begun) {
      const job = this.jobs.get(id);
      if (this.wip.get(execution) !== id || job?.status !== 'queued' || job.exec !== execution)
        continue;
      this.begin(job);
    }
    const verdicts = request.settlements.map((settlement) => this.settle(settlement));
    const claimed: ModelReply['claimed'] = [];
    let scanned = 0;
    while (claimed.length < request.toStart + request.toHold && this.list.length > 0) {
      const id = this.list.shift() as string;
      scanned += 1;
      const job = this.jobs.get(id);
      const isHeld = [...this.wip.values()].includes(id);
      if (!job || (job.status === 'started' && isHeld)) continue;
      if (job.status !== 'queued' && job.status !== 'started') continue;
      if (job.exec !== null && this.wip.get(job.exec) === id) continue;
      const started = claimed.length < request.toStart;
      const execution = request.requestId + (claimed.length + 1).toString(16).padStart(8, '0');
      const attempt = job.attempt + 1;
      if (isNew(job)) this.ofNew.add(execution);
      this.wip.set(execution, id);
      job.exec = started ? null : execution;
      job.status = started ? 'started' : 'queued';
      if (started) job.attempt = attempt;
      claimed.push({ id, execution, started, attempt });
    }
    const reply = { verdicts, claimed };
    if (changed || scanned > 0) this.replies.set(place, { requestId: request.requestId, reply });
    return reply;
  }

  private begin(job: ModelJob): void {
    job.status = 'started';
    job.attempt += 1;
  }

  private settle({ id, execution, isHeld, isBegunNow, end }: ModelSettlement): string {
    const job = this.jobs.get(id);
    if (this.wip.get(execution) !== id)
      return !job ? 'gone' : job.status === 'canceled' ? 'canceled' : 'lost';
    this.wip.delete(execution);
    if (!job) return 'gone';
    const isOurs =
      job.status === 'started' || (isHeld && job.status === 'queued' && job.exec === execution);
    if (!isOurs) return job.status === 'canceled' ? 'canceled' : 'lost';
    if (isHeld) job.exec = null;
    if (job.status === 'queued' && (isBegunNow || (end.kind !== 'back' && end.kind !== 'pass')))
      this.begin(job);
    if (end.kind === 'finish') {
      job.status = 'finished';
      if (job.resultTtl === 0 && !this.ofNew.has(execution)) this.jobs.delete(id);
      return 'finished';
    }
    if (end.kind === 'back') {
      job.status = 'queued';
      this.list.unshift(id);
      return 'handedBack';
    }
    if (end.kind === 'fail' && end.retryable && job.retries !== null && job.retries > 0) {
      job.retries -= 1;
      job.exec = null;
      job.status = job.delaySeconds > 0 ? 'scheduled' : 'queued';
      if (job.delaySeconds === 0) this.list.push(id);
      return 'retried';
    }
    this.fail(id, job);
    return 'quarantined';
  }

  private fail(id: string, job: ModelJob): void {
    job.status = 'failed';
    job.exec = null;
    if (job.failureTtl === 0) this.jobs.delete(id);
    else this.failedQueue.push(id);
  }

  /** Members in the order in which they were handed to the recoverer. */
  recover(members: ReadonlyArray<{ id: string; execution: string }>): string[] {
    return members.map(({ id, execution }) => {
      if (this.wip.get(execution) !== id) return 'dropped';
      this.wip.delete(execution);
      const job = this.jobs.get(id);
      if (!job) return 'dropped';
      if (job.status === 'queued' && job.exec === execution) {
        job.exec = null;
        job.attempt += 1;
        this.list.unshift(id);
        return 'handedBack';
      }
      if (job.status !== 'started' || [...this.wip.values()].includes(id)) return 'dropped';
      job.exec = null;
      if (job.retries !== null ? job.retries > 0 : job.recoveries < maxRecoveries) {
        if (job.retries !== null) job.retries -= 1;
        job.recoveries += 1;
        job.status = 'queued';
        this.list.unshift(id);
        return 'recovered';
      }
      this.fail(id, job);
      return 'quarantined';
    });
  }

  /** What RQ's cleaner does to an execution that it takes for abandoned. */
  cleanLikePython(execution: string, toQueue: boolean): boolean {
    const id = this.wip.get(execution);
    const job = id === undefined ? undefined : this.jobs.get(id);
    if (id === undefined || job?.status !== 'started') return false;
    this.wip.delete(execution);
    job.status = toQueue ? 'queued' : 'failed';
    if (toQueue) this.list.push(id);
    return true;
  }

  pop(): string | null {
    const id = this.list.shift();
    if (id === undefined) return null;
    this.flying.push(id);
    return id;
  }

  unpark(id: string): boolean {
    const job = this.jobs.get(id);
    if (!this.flying.includes(id)) return false;
    if ([...this.wip.values()].includes(id)) return false;
    this.take(this.flying, id);
    const hasEnded = ['finished', 'failed', 'canceled'].includes(job?.status ?? '');
    if (job && !hasEnded && !this.list.includes(id)) this.list.unshift(id);
    return true;
  }

  cancel(id: string): string {
    const job = this.jobs.get(id);
    if (!job) return '';
    const { status } = job;
    if (status === 'finished' || status === 'failed' || status === 'canceled') return status;
    this.list = this.list.filter((other) => other !== id);
    this.flying = this.flying.filter((other) => other !== id);
    job.status = 'canceled';
    return status;
  }

  remove(id: string): boolean {
    const job = this.jobs.get(id);
    this.flying = this.flying.filter((other) => other !== id);
    if (!job || job.status === 'queued' || job.status === 'started' || job.status === 'scheduled') {
      this.list = this.list.filter((other) => other !== id);
    }
    if (job?.status === 'failed') this.take(this.failedQueue, id);
    // Whoever runs it may not end it any more; a canceled one may run still.
    if (job && (job.status === 'started' || job.status === 'canceled' || job.exec !== null)) {
      for (const [execution, holder] of this.wip) if (holder === id) this.wip.delete(execution);
    }
    return this.jobs.delete(id);
  }

  empty(): number {
    const ids = this.list.splice(0);
    // A leftover of a job that runs or is held says nothing of the job.
    for (const id of ids) {
      const job = this.jobs.get(id);
      const isHeld = [...this.wip].some(
        ([execution, holder]) =>
          holder === id && (job?.status === 'started' || job?.exec === execution),
      );
      if ((job?.status === 'queued' || job?.status === 'started') && !isHeld) this.jobs.delete(id);
    }
    return ids.length;
  }

  quarantine(id: string): string {
    const job = this.jobs.get(id);
    if (!job) return '';
    if (job.status === 'queued' && job.exec !== null) return 'claimed';
    if (job.status !== 'queued' && job.status !== 'scheduled') return job.status;
    const { status } = job;
    this.list = this.list.filter((other) => other !== id);
    this.flying = this.flying.filter((other) => other !== id);
    this.fail(id, job);
    return status;
  }

  requeue(id: string): string {
    const job = this.jobs.get(id);
    if (job?.status !== 'failed') {
      this.take(this.failedQueue, id);
      return job ? 'notFailed' : 'unknown';
    }
    this.take(this.failedQueue, id);
    this.putBack(id, job);
    return 'requeued';
  }

  requeueFrom(status: 'canceled' | 'finished', id: string): string {
    const job = this.jobs.get(id);
    if (job?.status !== status) return job?.status ?? '';
    for (const [execution, holder] of this.wip) if (holder === id) this.wip.delete(execution);
    this.flying = this.flying.filter((other) => other !== id);
    this.putBack(id, job);
    return 'moved';
  }

  private putBack(id: string, job: ModelJob): void {
    job.status = 'queued';
    // Its handler may have begun untold.
    if (job.exec !== null) job.attempt += 1;
    job.exec = null;
    job.recoveries = 0;
    this.list.push(id);
  }

  restore(id: string): boolean {
    const job = this.jobs.get(id);
    if (!job || (job.status !== 'queued' && job.status !== 'started')) return false;
    if (this.list.includes(id) || this.flying.includes(id) || [...this.wip.values()].includes(id))
      return false;
    job.exec = null;
    if (job.status === 'queued') {
      this.list.unshift(id);
    } else if (job.retries !== null ? job.retries > 0 : job.recoveries < maxRecoveries) {
      if (job.retries !== null) job.retries -= 1;
      job.recoveries += 1;
      job.status = 'queued';
      this.list.unshift(id);
    } else {
      this.fail(id, job);
    }
    return true;
  }

  private take(from: string[], id: string): boolean {
    const at = from.indexOf(id);
    if (at >= 0) from.splice(at, 1);
    return at >= 0;
  }
}

const isNew = ({ attempt, exec, retries, resultTtl, failureTtl }: ModelJob): boolean =>
  attempt === 0 && exec === null && retries === null && resultTtl === null && failureTtl === null;
