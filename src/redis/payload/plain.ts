/** An object literal, also from another realm. Not an array, not an instance of a class. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return (
    prototype === Object.prototype ||
    prototype === null ||
    Object.getPrototypeOf(prototype) === null
  );
}

/** Whether an object has no members, inherited ones neither; without making a list of them. */
export function isEmpty(members: object): boolean {
  for (const _ in members) return false;
  return true;
}

/**
 * Sets an own property, whatever its name. Plain assignment of `__proto__` would exchange the
 * prototype, and of `toString` would throw where somebody froze `Object.prototype`.
 */
export function setOwn(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key in target) {
    const property = { value, writable: true, enumerable: true, configurable: true };
    Object.defineProperty(target, key, property);
  } else {
    target[key] = value;
  }
}

/** What a value is, in words for an error: `a function`, `a Map`, `an instance of Invoice`. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'a list';
  if (typeof value !== 'object') return `a ${typeof value}`;
  if (Buffer.isBuffer(value)) return 'a Buffer';
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  if (tag !== 'Object') return /^[AEIO]/.test(tag) ? `an ${tag}` : `a ${tag}`;
  if (isPlainObject(value)) return 'an object';
  const name: unknown = value.constructor?.name;
  return typeof name === 'string' && name !== ''
    ? `an instance of ${name}`
    : 'an instance of a class';
}

/** `args` and [0, 'user', 'call back'] to `args[0].user["call back"]`. */
export function pathText(root: string, segments: readonly unknown[]): string {
  let path = root;
  for (const segment of segments) {
    if (typeof segment === 'string') {
      path += /^[\p{L}_$][\p{L}\p{N}_$]{0,99}$/u.test(segment)
        ? `.${segment}`
        : `[${JSON.stringify(segment.slice(0, 100))}]`;
    } else {
      path += typeof segment === 'object' ? `[${kindOf(segment)}]` : `[${String(segment)}]`;
    }
  }
  return path;
}
