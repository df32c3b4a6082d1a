import { decodeCall } from '../redis/payload/call.js';
import { fromTimestamp } from '../redis/timestamp.js';
import type { Webhook } from '../redis/webhooks.js';
import { UnreadableAfterwardsError, WebhookFailedError } from './errors.js';
import type { Settled } from './recorder.js';
import { settlementOf } from './settlement-of.js';
import { requestStatus } from './webhook-request.js';

const mostAtOnce = 16;
const mostWaiting = 1_000;
/** Of a traceback; receivers have limits of their own. */
const longestText = 64 * 1024;
/** A job may not keep one of the places for longer, whatever time it allows, in milliseconds. */
export const longestRequestMs = 300_000;
/** A worker that leaves waits so long for those under way, in milliseconds. */
const lastWaitMs = 1_500;

interface Request {
  webhook: Webhook;
  jobId: string;
  body: string | null;
}

/**
 * Sends webhooks of jobs that have ended for good, after they were settled, some at a time. What goes wrong is told
 * and changes nothing. RQ: `Job.send_webhooks`.
 */
export class WebhookSender {
  private readonly waiting: Request[] = [];
  private readonly underWay = new Set<Promise<void>>();
  private readonly leaving = new AbortController();

  constructor(
    private readonly onTrouble: (error: unknown) => void,
    private readonly send: typeof requestStatus = requestStatus,
    private readonly isAllowed: (url: URL) => boolean = () => true,
  ) {}

  settled({ job, outcome, verdict }: Settled): void {
    for (const problem of job.afterwards?.problems ?? [])
      this.onTrouble(new UnreadableAfterwardsError(job.jobId, problem));
    const on = verdict === 'finished' ? 'finished' : verdict === 'quarantined' ? 'failed' : null;
    const due = job.afterwards?.webhooks.filter((webhook) => webhook.on === on) ?? [];
    if (due.length === 0) return;
    const end = settlementOf(outcome);
    const excInfo = 'traceback' in end ? end.traceback : 'reason' in end ? end.reason : null;
    const body = bodyOf(job, on as Webhook['on'], excInfo);
    for (const webhook of due) {
      const request = { webhook, jobId: job.jobId, body: webhook.method === 'POST' ? body : null };
      if (!this.isAllowed(new URL(webhook.url)))
        this.failed(request, "the worker's option webhooks does not allow this host");
      else if (this.waiting.length < mostWaiting) this.waiting.push(request);
      else this.failed(request, `${mostWaiting} others wait`);
    }
    this.sendOn();
  }

  /** Waits a little for those that are under way; what is not sent by then is told. */
  async leave(): Promise<void> {
    const timer = setTimeout(() => this.leaving.abort(), lastWaitMs);
    while (this.underWay.size > 0) await Promise.race(this.underWay);
    clearTimeout(timer);
  }

  private sendOn(): void {
    while (this.underWay.size < mostAtOnce) {
      const request = this.waiting.shift();
      if (!request) return;
      const sending = this.request(request).finally(() => {
        this.underWay.delete(sending);
        this.sendOn();
      });
      this.underWay.add(sending);
    }
  }

  private async request(request: Request): Promise<void> {
    const { webhook, body } = request;
    const limit = AbortSignal.timeout(Math.min(webhook.timeoutMs, longestRequestMs));
    // `any` holds it weakly, and one that the collector took never aborts anything.
    limit.addEventListener('abort', ignore);
    try {
      const { status } = await this.send(webhook.url, {
        method: webhook.method,
        headers: {
          ...(body !== null && { 'Content-Type': 'application/json' }),
          ...webhook.headers,
        },
        body,
        signal: AbortSignal.any([this.leaving.signal, limit]),
      });
      // A redirect too: where a receiver points to is not where the producer said.
      if (status < 200 || status > 299) this.failed(request, `it answered ${status}`);
    } catch (error) {
      this.failed(request, this.leaving.signal.aborted ? 'the worker left' : reasonOf(error));
    } finally {
      limit.removeEventListener('abort', ignore);
    }
  }

  private failed({ webhook, jobId }: Request, reason: string): void {
    const { origin, pathname } = new URL(webhook.url);
    this.onTrouble(new WebhookFailedError(jobId, origin + pathname, reason));
  }
}

const ignore = (): void => undefined;

const reasonOf = (error: unknown): string => {
  const { errors, message } = error as Partial<AggregateError>;
  // A name with several addresses: what happened at each, and no message.
  if (errors?.length) return errors.map(reasonOf).join(', ');
  return message ?? String(error);
};

/** RQ's: `Webhook.get_payload`. */
const bodyOf = (job: Settled['job'], status: Webhook['on'], excInfo: string | null): string =>
  JSON.stringify({
    job_id: job.jobId,
    func_name: functionNameOf(job.data),
    status,
    enqueued_at: fromTimestamp(job.enqueuedAt) ? isoformat(job.enqueuedAt) : null,
    ended_at: isoformat(new Date().toISOString().replace('Z', '000Z')),
    ...(status === 'failed' && { exc_info: excInfo?.slice(0, longestText) ?? null }),
  });

// As Python writes a time with a zone.
const isoformat = (text: string): string => text.replace(/(\.0+)?Z$/, '+00:00');

const functionNameOf = (data: Buffer): string | null => {
  try {
    return decodeCall(data).call.functionName;
  } catch {
    return null; // The job failed for this, and that is in `exc_info`.
  }
};
