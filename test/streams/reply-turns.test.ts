import { expect, it } from '@jest/globals';
import { ReplyTurns } from '../../src/streams/reply-turns.js';

/** Everything that promises and `process.nextTick` still have to do in this turn. */
const restOfTurn = () => new Promise((resolve) => process.nextTick(() => resolve(undefined)));
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

it('lets what the first of two replies brought leave before the second one is looked at', async () => {
  const turns = new ReplyTurns();
  const story: string[] = [];
  const workOn = async (reply: string) => {
    await turns.take();
    story.push(`${reply} is looked at`);
    await restOfTurn();
    story.push(`the next call leaves for ${reply}`);
  };
  await Promise.all([workOn('a'), workOn('b'), workOn('c')]);
  expect(story).toEqual(
    ['a', 'b', 'c'].flatMap((reply) => [
      `${reply} is looked at`,
      `the next call leaves for ${reply}`,
    ]),
  );
});

it('keeps nobody waiting who comes in a turn of its own', async () => {
  const turns = new ReplyTurns();
  for (let n = 0; n < 3; n++) {
    let isOver = false;
    void nextTurn().then(() => {
      isOver = true;
    });
    await turns.take();
    expect(isOver).toBe(false);
    while (!isOver) await nextTurn();
  }
});
