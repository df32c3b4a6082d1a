import { describe, expect, it } from '@jest/globals';
import { BusyPoll, type Loop } from '../../src/redis/busy-poll.js';

/** An event loop that turns when it is told to. */
class HandTurned implements Loop {
  isShared = true;
  ms = 0;
  readonly looks: Array<() => void> = [];
  nowMs = () => this.ms;
  nextTurn = (look: () => void) => {
    this.looks.push(look);
  };
  get isTurning(): boolean {
    return this.looks.length > 0;
  }
  turn(): void {
    for (const look of this.looks.splice(0)) look();
  }
}

/** With one reply that has just come. */
const setUp = async () => {
  const loop = new HandTurned();
  const poll = new BusyPoll(loop);
  /** A reply that is out; ends when told to, after so long. */
  const send = () => {
    let resolve = (_: string): void => undefined;
    const settled = poll.until(
      new Promise<string>((done) => {
        resolve = done;
      }),
    );
    const answer = async (tookMs: number): Promise<string> => {
      loop.ms += tookMs;
      resolve('OK');
      const reply = await settled;
      loop.turn();
      return reply;
    };
    return { answer };
  };
  const sendAndAnswer = (tookMs: number) => send().answer(tookMs);
  await sendAndAnswer(0.1);
  /** Whether the next reply is looked for. */
  const polls = async (): Promise<boolean> => {
    const { answer } = send();
    const isTurning = loop.isTurning;
    await answer(0);
    return isTurning;
  };
  return { loop, poll, send, sendAndAnswer, polls };
};

describe('a busy poll', () => {
  it('turns the loop until the reply is there', async () => {
    const { loop, send } = await setUp();
    const { answer } = send();
    for (let turns = 0; turns < 5; turns++) {
      expect(loop.looks).toHaveLength(1);
      loop.turn();
    }
    expect(await answer(0.1)).toBe('OK');
    expect(loop.isTurning).toBe(false);
  });

  it('has one loop for all replies, until the last of them', async () => {
    const { loop, send } = await setUp();
    const [one, two] = [send(), send()];
    expect(loop.looks).toHaveLength(1);
    await two.answer(0.1);
    expect(loop.isTurning).toBe(true);
    await one.answer(0.1);
    expect(loop.isTurning).toBe(false);
  });

  it('gives a reply up after 0.3 ms, and looks for the next one', async () => {
    const { loop, send } = await setUp();
    const { answer } = send();
    loop.ms += 0.29;
    loop.turn();
    expect(loop.isTurning).toBe(true);
    loop.ms += 0.01;
    loop.turn();
    expect(loop.isTurning).toBe(false);
    const next = send();
    expect(loop.isTurning).toBe(true);
    await answer(0);
    await next.answer(0);
  });

  it('sleeps while replies take long, and looks again when they do not', async () => {
    const { sendAndAnswer, polls } = await setUp();
    for (let calls = 0; calls < 10; calls++) await sendAndAnswer(0.6);
    expect(await polls()).toBe(false);
    for (let calls = 0; calls < 10; calls++) await sendAndAnswer(0.1);
    expect(await polls()).toBe(true);
  });

  it('does not take one pause of a minute for more than some slow replies', async () => {
    const { sendAndAnswer, polls } = await setUp();
    for (let calls = 0; calls < 3; calls++) await sendAndAnswer(60_000);
    expect(await polls()).toBe(false);
    for (let calls = 0; calls < 8; calls++) await sendAndAnswer(0.1);
    expect(await polls()).toBe(true);
  });

  it('sleeps after a rest, which says nothing of the replies before and after it', async () => {
    const { loop, sendAndAnswer, polls } = await setUp();
    for (let calls = 0; calls < 10; calls++) {
      loop.ms += 12;
      expect(await polls()).toBe(false);
      loop.ms += 12;
      await sendAndAnswer(5);
    }
    expect(await polls()).toBe(true);
  });

  it('looks for what is sent while another reply is out, however long that takes', async () => {
    const { loop, send } = await setUp();
    const first = send();
    loop.ms += 50;
    loop.turn();
    expect(loop.isTurning).toBe(false);
    const second = send();
    expect(loop.isTurning).toBe(true);
    await second.answer(0.1);
    await first.answer(0);
  });

  it('never looks where nobody else could run meanwhile', async () => {
    const { loop, poll, sendAndAnswer, polls } = await setUp();
    loop.isShared = false;
    expect(await sendAndAnswer(0.1)).toBe('OK');
    expect([await polls(), poll.isQuick]).toEqual([false, false]);
  });

  it('rejects as the reply does, and has done with it', async () => {
    const { loop, poll } = await setUp();
    await expect(poll.until(Promise.reject(new Error('refused')))).rejects.toThrow('refused');
    expect(loop.isTurning).toBe(true);
    loop.turn();
    expect(loop.isTurning).toBe(false);
  });

  it('lets the thread sleep under a reply that takes long', async () => {
    const poll = new BusyPoll();
    await poll.until(Promise.resolve());
    const before = performance.eventLoopUtilization();
    await poll.until(new Promise((resolve) => setTimeout(resolve, 300)));
    expect(performance.eventLoopUtilization(before).utilization).toBeLessThan(0.5);
  });
});
