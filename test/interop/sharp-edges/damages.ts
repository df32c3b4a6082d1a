/** How a job with a damage may end: run all the same, put aside with a reason, or dropped with a reason. */
export type Fate = 'finished' | { quarantined: RegExp } | { dropped: RegExp };

export interface Damage {
  name: string;
  /** Written over the hash of a sound job; `null` removes the field. */
  fields?: Record<string, string | Buffer | null>;
  /** The key that lies where the hash belongs. */
  key?: 'string' | 'list' | 'none';
  /** In the place of the id. */
  id?: string | Buffer;
  fate: Fate;
  /** Whether Python's readers may still stumble over it: over what it alone reads, and we leave as it is. */
  unreadableToPython?: boolean;
}

const notUtf8 = Buffer.from([0x66, 0xff, 0xfe, 0x80]);
const unreadable = (field: string): Fate => ({
  quarantined: new RegExp(`field ${field} cannot be read`),
});
const undecodable: Fate = { quarantined: /payload cannot be decoded/ };
const field = (name: string, value: string | Buffer | null, fate: Fate): Damage => ({
  name: `${name} ${value === null ? 'removed' : JSON.stringify(String(value).slice(0, 40))}`,
  fields: { [name]: value },
  fate,
});
/** What no worker of Node needs to run the job; Python raises whenever it reads it. */
const leftAlone = (name: string, value: string | Buffer): Damage => ({
  ...field(name, value, 'finished'),
  unreadableToPython: true,
});

/** Every field of a job's hash with what may be written there by mistake or on purpose. */
export const damages: readonly Damage[] = [
  ...['yesterday', '2026-13-01T00:00:00.000000Z', '2026-02-30T00:00:00.000000Z'].map((text) =>
    field('created_at', text, unreadable('created_at')),
  ),
  field('created_at', '2026-01-01T00:00:00.1234567Z', unreadable('created_at')),
  field('created_at', '2026-01-01T00:00:00+00:00', unreadable('created_at')),
  field('created_at', notUtf8, unreadable('created_at')),
  field('created_at', null, 'finished'),
  field('enqueued_at', '1795405104', unreadable('enqueued_at')),
  field('enqueued_at', '', 'finished'),
  // The start and the end write them anew.
  field('started_at', 'yesterday', 'finished'),
  field('ended_at', 'yesterday', 'finished'),
  field('worker_name', notUtf8, 'finished'),

  field('status', 'quarantined', { quarantined: /unknown status quarantined/ }),
  field('status', 'QUEUED', { quarantined: /unknown status QUEUED/ }),
  field('status', notUtf8, { quarantined: /unknown status/ }),
  field('status', '', { quarantined: /unknown status/ }),
  field('status', null, 'finished'),
  // It only says so: it stands in the queue.
  ...['finished', 'failed', 'canceled', 'stopped', 'scheduled', 'deferred'].map((status) =>
    field('status', status, 'finished'),
  ),

  field('data', null, { quarantined: /field data is missing/ }),
  field('data', '', undecodable),
  field('data', 'no payload at all', undecodable),
  field('data', notUtf8, undecodable),
  field('data', Buffer.from('789c8b56', 'hex'), undecodable),
  field('data', '["nodejobs.echo", null, []]', undecodable),
  field('data', '["nodejobs.echo", null, [], {}, 5]', undecodable),
  field('data', '["nodejobs.echo", null, [], null]', undecodable),
  field('data', '{"func": "nodejobs.echo"}', undecodable),
  field('data', `${'['.repeat(200_000)}`, undecodable),
  field('data', Buffer.from('80055d', 'hex'), undecodable),
  // A pickle that names os.system: nothing is imported, nothing called.
  field('data', Buffer.from('80026e6f73', 'hex'), undecodable),
  field('data', Buffer.from('8004636f730a73797374656d0a8c04747275658552942e', 'hex'), undecodable),
  field('data', 'x'.repeat(300_000), { quarantined: /field data holds 300000 bytes/ }),
  field('meta', 'x'.repeat(300_000), { quarantined: /field meta holds 300000 bytes/ }),
  field('meta', notUtf8, 'finished'),
  field('meta', '[1, 2', 'finished'),
  field('meta', '["not", "a", "mapping"]', 'finished'),

  ...['1h', '1.5', 'soon', '-2', '99999999999999999999'].map((text) =>
    field('timeout', text, unreadable('timeout')),
  ),
  field('timeout', '', 'finished'),
  field('timeout', notUtf8, unreadable('timeout')),
  field('result_ttl', 'long', unreadable('result_ttl')),
  field('result_ttl', '1e3', unreadable('result_ttl')),
  field('result_ttl', '', 'finished'),
  field('failure_ttl', 'NaN', unreadable('failure_ttl')),
  field('failure_ttl', '', 'finished'),
  field('retries_left', 'many', unreadable('retries_left')),
  field('retries_left', '', 'finished'),
  field('retry_intervals', '[]', 'finished'),
  leftAlone('retry_intervals', 'soon'),
  leftAlone('ttl', 'long'),

  leftAlone('dependency_ids', '{'),
  ...['[1, 2]', '"one"', '["no-such-job", "with space"]'].map((text) =>
    field('dependency_ids', text, 'finished'),
  ),
  leftAlone('enqueue_at_front', ''),
  leftAlone('allow_dependency_failures', 'perhaps'),
  field('success_callback_name', 'no.such.handler', 'finished'),
  leftAlone('success_callback_name', notUtf8),
  field('failure_callback_name', '../../etc/passwd', 'finished'),
  leftAlone('success_callback_timeout', ''),
  leftAlone('failure_callback_timeout', 'soon'),
  leftAlone('number_of_retries', 'many'),
  leftAlone('repeats_left', 'many'),
  field('repeats_left', '-3', 'finished'),
  leftAlone('repeat_intervals', '{'),
  field('webhooks', 'garbage', 'finished'),
  field('webhooks', '[{"url": "file:///etc/passwd"}, 5, null]', 'finished'),
  field('group_id', 'no-such-group', 'finished'),
  leftAlone('group_id', notUtf8),
  field('rate_limit_key', 'no-such-limit', 'finished'),
  field('rate_limit_concurrency', 'many', 'finished'),
  field('x_callbacks', '{', 'finished'),
  field('x_passes', 'often', 'finished'),
  field('x_passed', notUtf8, 'finished'),
  field('x_recoveries', 'NaN', 'finished'),

  field('description', null, 'finished'),
  leftAlone('description', notUtf8),
  field('origin', null, 'finished'),
  leftAlone('exc_info', notUtf8),
  field('result', notUtf8, 'finished'),
  field('x_attempt', 'often', 'finished'),
  field('x_exec', 'somebody', 'finished'),

  { name: 'no hash', key: 'none', fate: { dropped: /no hash/ } },
  { name: 'a string for a hash', key: 'string', fate: { dropped: /not a hash/ } },
  { name: 'a list for a hash', key: 'list', fate: { dropped: /not a hash/ } },
  ...['', 'with space', 'a:b:c', 'é', 'a'.repeat(300), '../rq:queues', '*'].map(
    (id): Damage => ({ name: `the id ${id.slice(0, 20)}`, id, fate: { dropped: /not an id/ } }),
  ),
  { name: 'an id that is no text', id: notUtf8, fate: { dropped: /not an id/ } },
];
