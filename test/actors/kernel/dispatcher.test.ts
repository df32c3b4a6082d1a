import { describe, expect, it } from '@jest/globals';
import { firstValueFrom, timer } from 'rxjs';
import type { ActorRef } from '../../../src/actors/kernel/behavior.js';
import { Dispatcher, type Runnable } from '../../../src/actors/kernel/dispatcher.js';
import { makeSystem, spec } from './support/system.js';

describe('the dispatcher', () => {
  it('lets timers through while two actors never stop answering each other', async () => {
    const { system } = makeSystem();
    const refs: ActorRef<'ball'>[] = [];
    let hits = 0;
    let over = false;
    for (const [name, other] of [
      ['ping', 1],
      ['pong', 0],
    ] as const) {
      refs.push(
        system.spawn<'ball'>(
          spec(name, () => () => {
            hits++;
            if (!over) refs[other]?.tell('ball');
          }),
        ),
      );
    }
    refs[0]?.tell('ball');
    await firstValueFrom(timer(5));
    over = true;
    expect(hits).toBeGreaterThan(1000);
  });

  it('lets the event loop turn after its budget, and nobody waits twice as long', async () => {
    const order: string[] = [];
    const dispatcher = new Dispatcher(undefined, 10);
    const busy = (name: string, work: number): Runnable => ({
      run(budget) {
        const done = Math.min(budget, work);
        order.push(`${name} ${done}`);
        work -= done;
        if (work > 0) dispatcher.enqueue(this);
        return done;
      },
    });
    dispatcher.enqueue(busy('a', 25));
    dispatcher.enqueue(busy('b', 5));
    await new Promise<void>((resolve) =>
      setImmediate(() => setImmediate(() => setImmediate(resolve))),
    );
    expect(order).toEqual(['a 10', 'b 5', 'a 5', 'a 10']);
  });
});
