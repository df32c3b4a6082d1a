import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { TransientMap } from '../../src/redis/transient-map.js';

const key = fc.integer({ min: 0, max: 40 });
const operation = fc.oneof(
  fc.record({ verb: fc.constant('set' as const), key, value: fc.nat() }),
  fc.record({ verb: fc.constant('delete' as const), key }),
  fc.record({ verb: fc.constant('deleteOldest' as const) }),
);

describe('a map for what comes and goes', () => {
  it('holds what a map holds, in its order, however often it is made anew', () => {
    fc.assert(
      fc.property(fc.array(operation, { minLength: 50, maxLength: 400, size: 'max' }), (all) => {
        const map = new Map<number, number>();
        const transient = new TransientMap<number, number>();
        for (const one of all) {
          if (one.verb === 'set') {
            map.set(one.key, one.value);
            transient.set(one.key, one.value);
          } else {
            const gone = one.verb === 'delete' ? one.key : (map.keys().next().value ?? -1);
            expect(transient.delete(gone)).toBe(map.delete(gone));
          }
          expect([...transient.values()]).toEqual([...map.values()]);
          expect(transient.size).toBe(map.size);
        }
        for (let asked = 0; asked <= 40; asked++) {
          expect(transient.get(asked)).toBe(map.get(asked));
          expect(transient.has(asked)).toBe(map.has(asked));
        }
      }),
    );
  });
});
