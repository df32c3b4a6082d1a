import { UndecodablePayloadError } from './errors.js';
import type { PayloadLimits } from './limits.js';
import { PickledContainer } from './pickle-tree.js';

/** The stack, marks and memo of the pickle machine. Nothing is taken from below the last mark. */
export class PickleStack {
  private readonly values: unknown[] = [];
  private readonly marks: number[] = [];
  private readonly memo = new Map<number, unknown>();
  private pushed = 0;

  constructor(private readonly limits: Readonly<PayloadLimits>) {}

  get size(): number {
    return this.values.length;
  }

  get memoSize(): number {
    return this.memo.size;
  }

  push(value: unknown): void {
    if (++this.pushed > this.limits.maxElements) {
      throw malformed(`more than ${this.limits.maxElements} elements`);
    }
    this.values.push(value);
  }

  mark(): void {
    if (this.marks.length >= this.limits.maxElements) throw malformed('too many marks');
    this.marks.push(this.values.length);
  }

  top(): unknown {
    this.need(1);
    return this.values.at(-1);
  }

  pop(): unknown {
    this.need(1);
    return this.values.pop();
  }

  popMany(count: number): unknown[] {
    this.need(count);
    return this.values.splice(this.values.length - count);
  }

  popToMark(): unknown[] {
    const start = this.marks.pop();
    if (start === undefined) throw malformed('no mark');
    return this.values.splice(start);
  }

  popPairs(): unknown[] {
    const items = this.popToMark();
    if (items.length % 2 !== 0) throw malformed('a dict key without a value');
    return items;
  }

  /** Adds to the container on top, which the items have been lying on. */
  extend(kind: PickledContainer['kind'], items: readonly unknown[]): void {
    const target = this.top();
    if (!(target instanceof PickledContainer) || target.kind !== kind) {
      throw malformed(`items for a ${kind}, which is not there`);
    }
    for (const item of items) target.items.push(item);
  }

  memoize(slot: number): void {
    // A pickler remembers a value once, after pushing it. More would only fill our memory.
    if (this.memo.size >= this.pushed) throw malformed('memo is too large');
    this.memo.set(slot, this.top());
  }

  recall(slot: number): void {
    if (!this.memo.has(slot)) throw malformed(`memo has no slot ${slot}`);
    this.push(this.memo.get(slot));
  }

  /** The uppermost values for an error text; fewer than `count` when there are fewer. */
  peek(count: number): unknown[] {
    return this.values.slice(-count);
  }

  private need(count: number): void {
    const floor = this.marks.at(-1) ?? 0;
    if (this.values.length - count < floor) throw malformed('stack is empty');
  }
}

function malformed(reason: string): UndecodablePayloadError {
  return new UndecodablePayloadError('pickle', reason);
}
