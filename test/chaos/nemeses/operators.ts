import { setTimeout as delay } from 'node:timers/promises';
import { InvalidJobOperationError } from '../../../src/redis/errors.js';
import type { Nemesis } from '../nemesis.js';
import { queues } from '../world.js';

export const ofOperators: readonly Nemesis[] = [
  {
    name: 'suspend all workers',
    faults: 'F91',
    weight: 1,
    strike: async ({ scene }, dice) => {
      await scene.rq.suspend();
      await delay(dice.between(300, 3_000));
      await scene.rq.resume();
    },
  },
  {
    name: 'pause a queue',
    faults: 'F91',
    weight: 1,
    strike: async ({ scene }, dice) => {
      const queue = scene.rq.queue(dice.pick(queues));
      await queue.pause();
      await delay(dice.between(300, 3_000));
      await queue.resume();
    },
  },
  {
    name: 'cancel jobs',
    faults: 'F88',
    weight: 2,
    strike: async ({ scene, producers }, dice) => {
      for (let n = dice.between(10, 60); n > 0; n -= 1) {
        const job = producers.recent(dice);
        // Nobody may wait for a job that is canceled: that one would wait for ever, as in RQ.
        if (!job || job.isParent) continue;
        try {
          await scene.rq.queue(job.queue).job(job.id).cancel();
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
    strike: async ({ scene }, dice) => {
      const { failedQueue } = scene.rq;
      const ids = await failedQueue.ids(0, dice.between(1, 30));
      await Promise.all([failedQueue.requeueMany(ids), failedQueue.requeueMany(ids)]);
    },
  },
  {
    name: 'audit and repair',
    faults: 'A1 to A23',
    weight: 2,
    strike: ({ scene }) => scene.audit({ repair: true }),
  },
];
