import { describe, expect, it } from '@jest/globals';
import { type QueueOrder, Turns } from '../../src/streams/queue-order.js';

/** Claims one job at a time from queues that hold so many, and says how many came from each. */
const claimOneByOne = (
  order: QueueOrder,
  waiting: Record<string, number>,
  claims: number,
): Record<string, number> => {
  const queues = Object.keys(waiting);
  const turns = new Turns(queues, order);
  const left = { ...waiting };
  const came = Object.fromEntries(queues.map((queue) => [queue, 0]));
  for (let n = 0; n < claims; n++) {
    const places = (turns.next() || queues.map((_, at) => `${at + 1}:1`).join(' '))
      .split(' ')
      .map((word) => queues[Number(word.split(':')[0]) - 1] as string);
    const queue = places.find((name) => (left[name] as number) > 0);
    if (!queue) break;
    left[queue] = (left[queue] as number) - 1;
    came[queue] = (came[queue] as number) + 1;
    turns.took([{ queue }]);
  }
  return came;
};

describe('turns of queues', () => {
  it('are none when the order is strict, or there is one queue', () => {
    expect(new Turns(['a', 'b'], 'strict').next()).toBe('');
    expect(new Turns(['a'], 'random').next()).toBe('');
  });

  it('go around', () => {
    expect(claimOneByOne('round-robin', { a: 100, b: 100, c: 100 }, 90)).toEqual({
      a: 30,
      b: 30,
      c: 30,
    });
  });

  it('go around those that have jobs, without giving the next one a double turn', () => {
    expect(claimOneByOne('round-robin', { a: 100, b: 0, c: 100 }, 60)).toEqual({
      a: 30,
      b: 0,
      c: 30,
    });
  });

  it('follow the weights exactly', () => {
    const order = { weights: { a: 5, b: 3 } };
    expect(claimOneByOne(order, { a: 1_000, b: 1_000, c: 1_000 }, 90)).toEqual({
      a: 50,
      b: 30,
      c: 10,
    });
  });

  it('are not saved up while there is nothing', () => {
    const turns = new Turns(['a', 'b'], 'round-robin');
    for (let n = 0; n < 50; n++) turns.took([{ queue: 'a' }]);
    // Now b has jobs as well: it comes first, once, and then they take turns.
    const firsts: string[] = [];
    for (let n = 0; n < 6; n++) {
      const queue = turns.next().startsWith('1:') ? 'a' : 'b';
      firsts.push(queue);
      turns.took([{ queue }]);
    }
    expect(firsts.join('')).toMatch(/^b?(ab){2}|^(ba){3}/);
    expect(firsts.filter((queue) => queue === 'b').length).toBeLessThanOrEqual(4);
  });

  it('are drawn so that each order is as likely as any other', () => {
    let seed = 1;
    const random = () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    const turns = new Turns(['a', 'b', 'c'], 'random', random);
    const counts = new Map<string, number>();
    for (let n = 0; n < 6_000; n++) {
      const order = turns.next();
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    // A thousand each, with a deviation of 29: five of them.
    for (const count of counts.values()) expect(Math.abs(count - 1_000)).toBeLessThan(145);
  });
});
