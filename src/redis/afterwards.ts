import {
  type Callback,
  type CallbackMoment,
  type Callbacks,
  callbackMoments,
  decodeCallbacks,
  pythonCallback,
} from './callbacks.js';
import { decodeWebhooks, type Webhook } from './webhooks.js';

/** What is to be done when a job has ended. */
export interface Afterwards {
  /** `null` for none: then nothing has to be run between the job's end and its settlement. */
  readonly callbacks: Callbacks | null;
  readonly webhooks: readonly Webhook[];
  /** What of it cannot be read. */
  readonly problems: readonly string[];
}

/** The fields that it lies in, in the order in which `parts/afterwards.lua` tells them. */
export const afterwardsFields = [
  'x_callbacks',
  'success_callback_name',
  'success_callback_timeout',
  'failure_callback_name',
  'failure_callback_timeout',
  'stopped_callback_name',
  'stopped_callback_timeout',
  'webhooks',
  'created_at',
  'x_born',
] as const;

/** Never throws. Our own callbacks come before Python's. `null` when nothing is to be done. */
export const readAfterwards = (values: ReadonlyArray<Buffer | null>): Afterwards | null => {
  const text = (index: number): string => values[index]?.toString('utf8') ?? '';
  const callbacks: { [K in CallbackMoment]?: Callback } = {};
  const problems: string[] = [];
  callbackMoments.forEach((moment, index) => {
    const callback = pythonCallback(text(index * 2 + 1), text(index * 2 + 2));
    if (callback) callbacks[moment] = callback;
  });
  try {
    if (text(0) !== '' && !isOfEarlierJob(text(8), text(9)))
      Object.assign(callbacks, decodeCallbacks(text(0)));
  } catch (error) {
    problems.push(`x_callbacks: ${(error as Error).message}`);
  }
  const { webhooks, problems: more } =
    text(7) === '' ? { webhooks: [], problems: [] } : decodeWebhooks(text(7));
  problems.push(...more);
  const hasCallbacks = Object.keys(callbacks).length > 0;
  if (!hasCallbacks && webhooks.length + problems.length === 0) return null;
  return { callbacks: hasCallbacks ? callbacks : null, webhooks, problems };
};

/** Whether what is ours in the hash is of another job, which had the id before Python enqueued it anew. */
const isOfEarlierJob = (createdAt: string, bornAt: string): boolean =>
  bornAt !== '' && createdAt !== bornAt;
