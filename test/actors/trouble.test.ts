import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { troubleTo } from '../../src/actors/trouble.js';

const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
afterEach(() => void warned.mockClear());

describe('trouble', () => {
  const trouble = new Error('Redis is full');

  it('goes to whoever listens, and nowhere else', () => {
    const told: unknown[] = [];
    troubleTo((error) => void told.push(error))(trouble);
    expect([told, warned.mock.calls]).toEqual([[trouble], []]);
  });

  it('is a warning of the process where nobody listens', () => {
    troubleTo(undefined)(trouble);
    troubleTo(undefined)('text');
    expect(warned.mock.calls).toEqual([['Redis is full', 'Error'], ['text']]);
  });

  it('costs nothing when the listener throws: that is the warning then', () => {
    const thrown = new Error('of the listener');
    troubleTo(() => {
      throw thrown;
    })(trouble);
    expect(warned.mock.calls).toEqual([['of the listener', 'Error']]);
  });
});
