import { DuplicateHandlerError } from './errors.js';

/** A user's function, as the executor calls it. */
export type Handler = (...args: unknown[]) => unknown;

/** A handler, the exact name that Redis may ask for, and where it came from (for messages). */
export interface NamedHandler {
  readonly name: string;
  readonly handler: Handler;
  readonly origin: string;
}

/**
 * What this process may run, closed at boot. A name out of Redis is compared as a whole and never
 * walked: `add.constructor` would reach `Function`, and a plain object would answer to `toString`.
 *
 * @throws DuplicateHandlerError when two functions ask for one name; the same function twice is fine.
 */
export class Handlers {
  readonly #byName = new Map<string, NamedHandler>();

  constructor(named: Iterable<NamedHandler>) {
    for (const entry of named) {
      const known = this.#byName.get(entry.name);
      if (known && known.handler !== entry.handler) {
        throw new DuplicateHandlerError(entry.name, known.origin, entry.origin);
      }
      this.#byName.set(entry.name, entry);
    }
  }

  get(name: string): Handler | undefined {
    return this.#byName.get(name)?.handler;
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  /** All names, sorted. */
  names(): string[] {
    return [...this.#byName.keys()].sort();
  }

  get size(): number {
    return this.#byName.size;
  }
}
