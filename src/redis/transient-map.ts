/** So few may come and go before it is made anew. */
const fewest = 16;

/**
 * A map for entries that come and go with every job. V8 gives a `Map` a new table each time that the old one is full of
 * what was deleted, and the old table points to the new one. Once any of them has grown old, all later ones, and what was in
 * them, outlive every scavenge, until the next full collection: a worker of 100 jobs at a time spent a tenth of its time
 * there. So this one moves to a new `Map` before that.
 */
export class TransientMap<K, V> {
  private map = new Map<K, V>();
  private deleted = 0;

  get size(): number {
    return this.map.size;
  }

  get(key: K): V | undefined {
    return this.map.get(key);
  }

  has(key: K): boolean {
    return this.map.has(key);
  }

  set(key: K, value: V): void {
    this.map.set(key, value);
  }

  delete(key: K): boolean {
    if (!this.map.delete(key)) return false;
    this.deleted += 1;
    if (this.deleted >= fewest && this.deleted > this.map.size) {
      this.map = new Map(this.map);
      this.deleted = 0;
    }
    return true;
  }

  /** The oldest first. Nothing may be deleted on the way: whoever does so goes through a copy. */
  values(): IterableIterator<V> {
    return this.map.values();
  }
}
