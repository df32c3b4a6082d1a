import { UndecodablePayloadError } from './errors.js';
import type { PayloadLimits } from './limits.js';
import { isPlainObject, kindOf, setOwn } from './plain.js';
import { deserialize } from './serializer.js';

const MAX_WRAPPERS = 8;

/**
 * The mapping in the field `meta`; none and empty is `{}`.
 *
 * A Python process that saves a job of the other serializer wraps meta as pickle of
 * `{'unserialized': <bytes>}`, and does it again at the next save (rq-protocol S6). All layers are taken
 * off. Keys that could reach a prototype when somebody merges meta into an object are dropped.
 *
 * @throws UndecodablePayloadError layer `json`, `pickle` or `meta`
 */
export function decodeMeta(
  bytes: Uint8Array | null,
  limits?: Partial<PayloadLimits>,
): Record<string, unknown> {
  let inner = bytes;
  for (let wrappers = 0; inner !== null && inner.length > 0; wrappers++) {
    if (wrappers > MAX_WRAPPERS) {
      throw new UndecodablePayloadError('meta', `wrapped more than ${MAX_WRAPPERS} times`);
    }
    const { value } = deserialize(inner, limits);
    const wrapped = wrappedBytes(value);
    if (wrapped === null) return mapping(value);
    inner = wrapped;
  }
  return {};
}

function wrappedBytes(value: unknown): Uint8Array | null {
  if (!isPlainObject(value) || Object.keys(value).length !== 1) return null;
  // Own, because a meta of one other key would be asked for what its prototype says.
  if (!Object.hasOwn(value, 'unserialized')) return null;
  const bytes = value.unserialized;
  return bytes instanceof Uint8Array ? bytes : null;
}

function mapping(value: unknown): Record<string, unknown> {
  if (isPlainObject(value)) return withoutPrototypeKeys(value);
  if (!(value instanceof Map)) throw new UndecodablePayloadError('meta', `is ${kindOf(value)}`);
  const members: Record<string, unknown> = {};
  for (const [key, member] of value) setOwn(members, keyText(key), member);
  return withoutPrototypeKeys(members);
}

function keyText(key: unknown): string {
  if (typeof key === 'string') return key;
  if (typeof key === 'number' || typeof key === 'bigint') return String(key);
  throw new UndecodablePayloadError('meta', `has a key that is ${kindOf(key)}`);
}

function withoutPrototypeKeys(value: Record<string, unknown>): Record<string, unknown> {
  dropPrototypeKeys(value);
  return value;
}

function dropPrototypeKeys(value: unknown): void {
  if (Array.isArray(value) || value instanceof Map) {
    for (const member of value.values()) dropPrototypeKeys(member);
  } else if (isPlainObject(value)) {
    // Read as own properties: on an object from JSON.parse `value.__proto__` is its prototype.
    for (const [key, member] of Object.entries(value)) {
      if (reachesPrototype(key, member)) delete value[key];
      else dropPrototypeKeys(member);
    }
  }
}

function reachesPrototype(key: string, member: unknown): boolean {
  if (key === '__proto__') return true;
  return key === 'constructor' && isPlainObject(member) && Object.hasOwn(member, 'prototype');
}
