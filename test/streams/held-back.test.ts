import { describe, expect, it } from '@jest/globals';
import { keys } from '../../src/redis/keys.js';
import { HeldBack } from '../../src/streams/held-back.js';
import { freshWire } from '../redis/support/fresh-wire.js';
import { fail, settlement, type Wire } from '../redis/support/wire.js';

let wire: Wire;
freshWire((fresh) => {
  wire = fresh;
});

describe('a key of a wrong type', () => {
  it.each([keys.failedQueue, keys.failed('bad'), keys.scheduled('bad')])(
    'keeps only failures back where it is %s: jobs are waited for as before',
    async (key) => {
      await wire.enqueueOn('bad', 'a');
      const worker = wire.worker('bad', 'good');
      const job = await worker.claimOne();
      await wire.redis.set(key, 'x');
      const { verdicts, faults } = await worker.send(
        worker.request({ settlements: [settlement(job, fail())] }),
      );
      expect(verdicts).toEqual(['refused']);
      const heldBack = new HeldBack();
      expect(heldBack.newFaults(faults)).toEqual([expect.stringContaining(key)]);
      expect(['bad', 'good'].map((queue) => heldBack.mayPop(queue))).toEqual([true, true]);
    },
  );

  it.each([keys.failedQueue, keys.failed('bad')])(
    'keeps away from a queue whose next job is to be put into %s',
    async (key) => {
      await wire.enqueueOn('bad', 'a');
      await wire.redis.hdel(keys.job('a'), 'data');
      await wire.redis.set(key, 'x');
      const worker = wire.worker('bad', 'good');
      const heldBack = new HeldBack();
      heldBack.newFaults((await worker.send(worker.request({ toStart: 1 }))).faults);
      expect(['bad', 'good'].map((queue) => heldBack.mayPop(queue))).toEqual([false, true]);
    },
  );

  it.each([keys.wip('bad'), keys.finished('bad'), keys.events('bad'), keys.queue('bad')])(
    'keeps away from its queue where it is %s',
    async (key) => {
      await wire.enqueueOn('bad', 'a');
      await wire.redis.del(key);
      await wire.redis.set(key, 'x');
      const worker = wire.worker('bad', 'good');
      const heldBack = new HeldBack();
      heldBack.newFaults((await worker.send(worker.request({ toStart: 1 }))).faults);
      expect(['bad', 'good'].map((queue) => heldBack.mayPop(queue))).toEqual([false, true]);
    },
  );
});
