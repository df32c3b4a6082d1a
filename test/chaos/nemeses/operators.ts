import { setTimeout as delay } from 'node:timers/promises';
import { InvalidJobOperationError } from '../../../src/redis/errors.js';
import type { Nemesis } from '../nemesis.js';
import { queues } from '../world.js';

export const ofOperators: readonly Nemesis[] = [
  {
    name: 'suspend all workers',
    faults: 'F91',
    weight: 1,
    strike: async ({ operator }, dice) => {
      await operator.suspend();
      await delay(dice.between(300, 3_000));
      await operator.resume();
    },
  },
  {
    name: 'pause a queue',
    faults: 'F91',
    weight: 1,
    strike: async ({ operator }, dice) => {
      const queue = operator.queue(dice.pick(queues));
      await queue.pause();
      await delay(dice.between(300, 3_000));
      await queue.resume();
    },
  },
  {
    name: 'cancel jobs',
    faults: 'F88',
    weight: 2,
    strike: async ({ near, producers }, dice) => {
      for (let n = dice.between(10, 60); n > 0; n -= 1) {
        const job = producers.recent(dice);
        // Nobody may wait for a job that is canceled: that one would wait for ever, as in RQ.
        if (!job || job.isParent) continue;
        try {
          await near.queue(job.queue).job(job.id).cancel();
        } catch (error) {
          // It has ended meanwhile, or was canceled before.
          if (!(error instanceof InvalidJobOperationError)) throw error;
        }
      }
    },
  },
  {
    name: 'requeue what has failed, twice at once',
    faults: 'F90',
    weight: 1,
    strike: async ({ operator: { failedQueue } }, dice) => {
      const ids = await failedQueue.ids(0, dice.between(1, 30));
      await Promise.all([failedQueue.requeueMany(ids), failedQueue.requeueMany(ids)]);
    },
  },
  {
    name: 'audit and repair',
    faults: 'A1 to A23',
    weight: 2,
    strike: ({ scene, operator }) => scene.audit({ repair: true }, operator),
  },
];
