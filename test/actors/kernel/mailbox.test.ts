import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Mailbox } from '../../../src/actors/kernel/mailbox.js';

describe('Mailbox', () => {
  it('behaves as a bounded list, whatever its ring does', () => {
    const steps = fc.array(fc.constantFrom('push', 'push', 'shift'), { maxLength: 300 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), steps, (capacity, script) => {
        const mailbox = new Mailbox<number>(capacity, '/a');
        const model: number[] = [];
        script.forEach((step, n) => {
          if (step === 'push') {
            const fits = model.length < capacity;
            if (fits) model.push(n);
            expect(mailbox.push(n)).toBe(fits);
          } else if (model.length > 0) expect(mailbox.shift()).toBe(model.shift());
          expect(mailbox.size).toBe(model.length);
        });
      }),
    );
  });
});
