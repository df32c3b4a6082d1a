import { InvalidOptionError } from '../redis/errors.js';

/**
 * Where webhooks of jobs may go: everywhere, nowhere, or to these hosts alone, each a name or an address with any port
 * (`example.com`, `[::1]`), or with this one (`example.com:8080`).
 */
export type WebhookHosts = 'all' | 'none' | readonly string[];

/**
 * Whether a webhook may be sent to the URL. Names are compared as URLs spell them: no part of one, no wildcard.
 *
 * @throws InvalidOptionError
 */
export const webhookFilter = (given: WebhookHosts): ((url: URL) => boolean) => {
  if (given === 'all') return () => true;
  if (given === 'none') return () => false;
  if (!Array.isArray(given))
    throw new InvalidOptionError('webhooks', 'it must be all, none, or a list of hosts');
  const allowed = new Set(given.map(spelled));
  return (url) => allowed.has(url.hostname) || allowed.has(`${url.hostname}:${portOf(url)}`);
};

const portOf = ({ port, protocol }: URL): string => port || (protocol === 'https:' ? '443' : '80');

const spelled = (entry: unknown): string => {
  const parts =
    typeof entry === 'string'
      ? /^(\[[\da-f:.]+\]|[^\s:/?#@\\[\]]+)(?::(\d{1,5}))?$/i.exec(entry)
      : null;
  const url = `http://${parts?.[1]}`;
  if (!parts || !URL.canParse(url) || Number(parts[2] ?? 1) > 65_535 || Number(parts[2] ?? 1) < 1)
    throw new InvalidOptionError(
      'webhooks',
      `${String(entry)} is no host, such as example.com, or host and port, such as example.com:8080`,
    );
  const { hostname } = new URL(url);
  return parts[2] === undefined ? hostname : `${hostname}:${Number(parts[2])}`;
};
