import type { Cipher } from '../redis/cipher.js';
import { decodeCall, decodeMeta, encodeValue, type JobCall } from '../redis/payload/index.js';
import type { ClaimedJob, Settlement, Verdict } from '../redis/transitions/settlement.js';
import { retryAskedBy } from '../tasks.js';

/** A delivery was settled before, by hand or by the clock. */
export class AlreadySettledError extends Error {
  override readonly name = 'AlreadySettledError';
  constructor(readonly jobId: string) {
    super(`The delivery of job ${jobId} was settled before`);
  }
}

/**
 * One claimed job, to be settled exactly once: `finish`, `fail` or `handBack`. Its lease is kept until
 * then. Each answers what Redis made of it: `lost` means that the job was no longer ours.
 */
export class Delivery {
  readonly jobId: string;
  readonly queue: string;
  /** 1 for the first start; only grows. */
  readonly attempt: number;
  readonly execution: string;
  /** Aborted when the job was stopped, canceled or deleted, or its lease was lost. */
  readonly signal: AbortSignal;
  private settled = false;
  private readonly beganAtMs = performance.now();

  constructor(
    readonly job: ClaimedJob,
    signal: AbortSignal,
    private readonly settle: (settlement: Omit<Settlement, 'heartbeaten'>) => Promise<Verdict>,
    private readonly cipher: Cipher | null = null,
  ) {
    this.jobId = job.jobId;
    this.queue = job.queue;
    this.attempt = job.attempt;
    this.execution = job.execution;
    this.signal = signal;
  }

  /** What the job calls. @throws UndecodablePayloadError: settle such a delivery with `fail`. */
  call(): JobCall {
    return decodeCall(this.data()).call;
  }

  /** The job's meta as it was when it was claimed. @throws UndecodablePayloadError */
  meta(): Record<string, unknown> {
    const { jobId, meta } = this.job;
    return decodeMeta(meta && this.cipher ? this.cipher.open(meta, jobId, 'meta') : meta);
  }

  /** The job is done, with this result. @throws UnserializableError with the path of the value; AlreadySettledError */
  async finish(result?: unknown): Promise<Verdict> {
    const bytes =
      result === undefined || result === null
        ? null
        : encodeValue(result, this.serializer(), { root: 'result' });
    const sealed = bytes && this.cipher ? this.cipher.seal(bytes, this.jobId, 'result') : bytes;
    return this.end({ kind: 'finish', result: sealed });
  }

  /**
   * The job failed: retried when RQ's retries allow it, or as a RetryError asks for; else quarantined.
   *
   * @throws AlreadySettledError
   */
  fail(error: unknown, { retryable = true }: { retryable?: boolean } = {}): Promise<Verdict> {
    const text = error instanceof Error ? (error.stack ?? String(error)) : String(error);
    const cut = text.slice(0, 65_536);
    const traceback = this.cipher ? this.cipher.sealText(cut, this.jobId) : cut;
    const asked = retryAskedBy(error);
    const told = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    const reason = this.cipher ? 'its text is encrypted' : told;
    return this.end({
      kind: 'fail',
      reason: reason.slice(0, 500),
      retryable,
      traceback,
      ...(asked && { retryAsked: asked }),
    });
  }

  /** Back to the head of its queue, nothing charged. @throws AlreadySettledError */
  handBack(reason = 'handed back by its consumer'): Promise<Verdict> {
    return this.end({ kind: 'back', reason });
  }

  /** Whether it was settled. */
  get isSettled(): boolean {
    return this.settled;
  }

  private end(end: Settlement['end']): Promise<Verdict> {
    if (this.settled) return Promise.reject(new AlreadySettledError(this.jobId));
    this.settled = true;
    return this.settle({
      job: this.job,
      beganAtMs: null,
      tookMs: performance.now() - this.beganAtMs,
      end,
    });
  }

  private data(): Buffer {
    const { jobId, data } = this.job;
    return this.cipher ? this.cipher.open(data, jobId, 'data') : data;
  }

  private serializer(): 'json' | 'pickle' {
    try {
      return decodeCall(this.data()).serializer;
    } catch {
      return 'json'; // An unreadable call may still be finished by hand; JSON is what any reader can try.
    }
  }
}
