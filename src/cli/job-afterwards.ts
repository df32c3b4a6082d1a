import type { JobRecord } from '../redis/job-record.js';
import type { JobResult } from '../redis/job-results.js';
import { escapeText } from './escape.js';
import { jsonMember } from './value-text.js';

/** What `rxrq job` tells of a job's group, callbacks, webhooks and earlier runs. */
export const afterwardsAsJson = (record: JobRecord, results: readonly JobResult[]): object => ({
  group: record.groupId || null,
  callbacks: record.callbacks,
  // Headers may hold a key for the receiver.
  webhooks: record.webhooks.map(({ headers, url, ...webhook }) => ({
    ...webhook,
    url: withoutQuery(url),
    headers: Object.keys(headers),
  })),
  results: results.map(({ value, ...result }) => ({ ...result, value: jsonMember(value) })),
});

/** The same as names and texts; none for a job that has nothing of it. */
export const afterwardsAsFields = (
  record: JobRecord,
  results: readonly JobResult[],
): Array<[name: string, text: string]> => {
  const fields: Array<[string, string]> = [];
  if (record.groupId !== '') fields.push(['group', escapeText(record.groupId)]);
  for (const [moment, { name, timeoutMs, isPython }] of Object.entries(record.callbacks)) {
    const whose = isPython ? ', named by Python' : '';
    fields.push([`on ${moment}`, escapeText(`${name} (${timeoutMs / 1000} s${whose})`)]);
  }
  for (const { on, method, url } of record.webhooks)
    fields.push([`webhook ${on}`, escapeText(`${method} ${withoutQuery(url)}`)]);
  // With one run all of it is told elsewhere.
  if (results.length > 1) {
    for (const { kind, createdAt, workerName } of results)
      fields.push([
        'run',
        escapeText(
          `${createdAt?.toISOString() ?? '?'} ${kind}${workerName && ` by ${workerName}`}`,
        ),
      ]);
  }
  return fields;
};

const withoutQuery = (url: string): string => {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
};
