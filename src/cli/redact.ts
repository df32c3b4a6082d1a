import type { RedisAddress } from '../redis/connection.js';

const shortest = 3;

/**
 * Removes the credentials of Redis addresses from any text, however the text came by them: messages of Redis,
 * of Node and of modules may quote what they were given.
 */
export const redactorFor = (
  ...addresses: ReadonlyArray<RedisAddress | undefined>
): ((text: string) => string) => {
  const secrets = addresses.flatMap((address) => (address === undefined ? [] : secretsIn(address)));
  const found = [...new Set(secrets)]
    .filter((secret) => secret.length >= shortest)
    .sort((a, b) => b.length - a.length);
  return (text) => found.reduce((shown, secret) => shown.replaceAll(secret, '***'), text);
};

const secretsIn = (address: RedisAddress): string[] =>
  typeof address === 'string'
    ? secretsOf(address)
    : [address.password, 'cluster' in address ? undefined : address.sentinelPassword].filter(
        (secret): secret is string => typeof secret === 'string',
      );

const secretsOf = (url: string): string[] => {
  const secrets: string[] = [];
  const authority = /\/\/(.*)@/s.exec(url)?.[1];
  // The password alone and with its user; a user's name is no secret, and may be an ordinary word.
  if (authority?.includes(':'))
    secrets.push(authority, authority.slice(authority.indexOf(':') + 1));
  for (const [, value] of url.matchAll(/[?&](?:password|sentinelPassword)=([^&#]*)/gi))
    secrets.push(value as string);
  return secrets.flatMap((secret) => [secret, decoded(secret)]);
};

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // A stray % is no encoding.
  }
};
