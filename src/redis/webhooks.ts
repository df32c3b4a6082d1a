import { type Duration, durationOption } from './duration.js';
import { InvalidOptionError } from './errors.js';
import { checkKnown } from './known-options.js';

/** A request to make when a job has ended for good. RQ: `Webhook`, since 2.10. */
export interface WebhookOption {
  /** `http:` or `https:`. */
  url: string;
  on: 'finished' | 'failed';
  /** `POST` sends RQ's body, `GET` none. Default `GET`, as in RQ. */
  method?: 'GET' | 'POST';
  headers?: Record<string, string>;
  /** Default 10 s. A worker of ours waits five minutes at most, whatever is said here. */
  timeout?: Duration;
  timeoutSeconds?: number;
}

/** As it lies in the hash, checked. */
export interface Webhook {
  readonly url: string;
  readonly on: 'finished' | 'failed';
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

const defaultSeconds = 10;
const mostWebhooks = 20;
const known = new Set(['url', 'on', 'method', 'headers', 'timeout', 'timeoutSeconds']);

/**
 * RQ's field `webhooks`.
 *
 * @throws InvalidOptionError
 */
export const encodeWebhooks = (given: readonly WebhookOption[]): string => {
  if (!Array.isArray(given) || given.length > mostWebhooks)
    throw new InvalidOptionError('webhooks', `it must be a list of at most ${mostWebhooks}`);
  const list = given.map((option: WebhookOption) => {
    checkKnown(option, known, 'webhooks.');
    const timeout = durationOption(option, 'timeout', { least: 1 }, 'webhooks.') ?? defaultSeconds;
    const { url, on: job_status, method = 'GET', headers = null } = option;
    const webhook = { url, job_status, method, headers, timeout };
    try {
      readWebhook(webhook);
    } catch (error) {
      throw new InvalidOptionError('webhooks', (error as Error).message);
    }
    return webhook;
  });
  return JSON.stringify(list);
};

/** Reads RQ's field. What cannot be read is left out, and `problems` says why. */
export const decodeWebhooks = (text: string): { webhooks: Webhook[]; problems: string[] } => {
  const webhooks: Webhook[] = [];
  const problems: string[] = [];
  try {
    const list: unknown = JSON.parse(text);
    if (!Array.isArray(list)) throw new TypeError('it is no list');
    if (list.length > mostWebhooks)
      problems.push(`webhooks: only the first ${mostWebhooks} are used`);
    for (const item of list.slice(0, mostWebhooks)) {
      try {
        webhooks.push(readWebhook(item));
      } catch (error) {
        problems.push(`webhooks: ${(error as Error).message}`);
      }
    }
  } catch (error) {
    problems.push(`webhooks: ${(error as Error).message}`);
  }
  return { webhooks, problems };
};

/** @throws TypeError */
const readWebhook = (item: unknown): Webhook => {
  if (typeof item !== 'object' || item === null) throw new TypeError('one of it is no object');
  const { url, job_status: on, method, headers, timeout } = item as Record<string, unknown>;
  if (typeof url !== 'string' || !URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new TypeError('url must begin with http:// or https://');
  if (on !== 'finished' && on !== 'failed') throw new TypeError('on must be finished or failed');
  if (method !== undefined && method !== 'GET' && method !== 'POST')
    throw new TypeError('method must be GET or POST');
  if (headers !== undefined && headers !== null && !isTextMap(headers))
    throw new TypeError('headers must be texts by name');
  if (timeout !== undefined && !(Number.isSafeInteger(timeout) && (timeout as number) > 0))
    throw new TypeError('timeout must be whole seconds, 1 or more');
  return {
    url,
    on,
    method: method ?? 'GET',
    headers: headers ?? {},
    timeoutMs: ((timeout as number | undefined) ?? defaultSeconds) * 1000,
  };
};

const isTextMap = (value: unknown): value is Record<string, string> =>
  typeof value === 'object' &&
  !Array.isArray(value) &&
  Object.values(value as object).every((text) => typeof text === 'string');
