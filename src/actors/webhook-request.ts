import { request as overHttp } from 'node:http';
import { request as overHttps } from 'node:https';

export interface WebhookRequest {
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** Its reason is what the promise rejects with. */
  readonly signal: AbortSignal;
}

/** They say how the request lies on the line, which is nothing for a job to say. */
const ofTheLine = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * One request over a connection of its own; resolves with the status of the answer, of which nothing more is read. Follows
 * no redirect. Not `fetch`: it refuses ports that RQ sends to, such as 10080. RQ: `Webhook.send`.
 *
 * @throws TypeError for a URL with a user or a password, which RQ cannot send to either; Error of the system
 */
export const requestStatus = async (
  url: string,
  { method, headers, body, signal }: WebhookRequest,
): Promise<{ readonly status: number }> => {
  const target = new URL(url);
  if (target.username !== '' || target.password !== '')
    throw new TypeError('its URL holds a user or a password; a header can');
  const own = Object.entries(headers).filter(([name]) => !ofTheLine.has(name.toLowerCase()));
  const ask = target.protocol === 'https:' ? overHttps : overHttp;
  return new Promise((resolve, reject) => {
    const sent = ask(target, {
      method,
      headers: { 'User-Agent': 'rxrq', Accept: '*/*', ...Object.fromEntries(own) },
      agent: false,
      signal,
    });
    sent.on('response', (answer) => {
      resolve({ status: answer.statusCode ?? 0 });
      // However long the answer is, nobody reads it.
      answer.destroy();
    });
    // Also after the answer: nobody else listens.
    sent.on('error', (error) => reject(signal.aborted ? signal.reason : error));
    sent.on('close', () => reject(new Error('the connection was closed without an answer')));
    sent.end(body ?? undefined);
  });
};
