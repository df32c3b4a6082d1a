import { UndecodablePayloadError } from './errors.js';
import type { PayloadLimits } from './limits.js';
import { setOwn } from './plain.js';

/**
 * A Python container while the pickle is read. It becomes a JavaScript value only at the end: what a
 * dict turns into depends on all its keys, and a memo may hand out the container long before.
 */
export class PickledContainer {
  /** Depth below and with this container, and its values, shared ones counted each time. */
  depth = 0;
  elements = 0;
  state: 'raw' | 'converting' | 'converted' = 'raw';
  converted: unknown;

  constructor(
    readonly kind: 'list' | 'tuple' | 'dict' | 'set',
    /** For a dict: key, value, key, value … */
    readonly items: unknown[],
  ) {}
}

/**
 * Turns containers into arrays, objects, Maps and Sets. Each is converted once however often it is
 * shared, so ten lists of ten references each cost ten steps, while their size counts in full.
 *
 * @throws UndecodablePayloadError for a container inside itself, and for depth and size over the limits
 */
export function convertTree(value: unknown, limits: Readonly<PayloadLimits>): unknown {
  if (!(value instanceof PickledContainer)) return value;
  convert(value, 1, limits);
  return value.converted;
}

function convert(node: PickledContainer, level: number, limits: Readonly<PayloadLimits>): void {
  if (node.state === 'converting') {
    throw new UndecodablePayloadError('pickle', `a ${node.kind} contains itself`);
  }
  if (level + Math.max(node.depth - 1, 0) > limits.maxDepth) {
    throw new UndecodablePayloadError('pickle', `nested deeper than ${limits.maxDepth}`);
  }
  if (node.state === 'converted') return;
  node.state = 'converting';
  let deepest = 0;
  let elements = 1;
  const { items } = node;
  for (let index = 0; index < items.length; index++) {
    const item = items[index];
    elements++;
    if (!(item instanceof PickledContainer)) continue;
    convert(item, level + 1, limits);
    items[index] = item.converted;
    deepest = Math.max(deepest, item.depth);
    elements += item.elements;
  }
  if (elements > limits.maxElements) {
    throw new UndecodablePayloadError('pickle', `more than ${limits.maxElements} elements`);
  }
  node.depth = deepest + 1;
  node.elements = elements;
  node.converted = plainValue(node);
  node.state = 'converted';
}

function plainValue({ kind, items }: PickledContainer): unknown {
  if (kind === 'set') return new Set(items);
  return kind === 'dict' ? plainDict(items) : items;
}

function plainDict(items: readonly unknown[]): Record<string, unknown> | Map<unknown, unknown> {
  const members: Record<string, unknown> = {};
  for (let index = 0; index < items.length; index += 2) {
    const key = items[index];
    if (typeof key !== 'string') return mapOf(items);
    setOwn(members, key, items[index + 1]);
  }
  return members;
}

function mapOf(items: readonly unknown[]): Map<unknown, unknown> {
  const map = new Map<unknown, unknown>();
  for (let index = 0; index < items.length; index += 2) map.set(items[index], items[index + 1]);
  return map;
}
