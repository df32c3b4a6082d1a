import { keys } from '../../../src/redis/keys.js';
import type { Nemesis } from '../nemesis.js';
import { queues } from '../world.js';

export const ofData: readonly Nemesis[] = [
  {
    name: 'put ids without a job onto a queue',
    faults: 'F76',
    weight: 1,
    strike: ({ scene }, dice) => {
      const ghosts = Array.from({ length: dice.between(1, 50) }, () => `ghost-${dice.roll()}`);
      return scene.rq.redis.lpush(keys.queue(dice.pick(queues)), ...ghosts);
    },
  },
  {
    name: 'put ids onto their queue once more',
    faults: 'F79',
    weight: 2,
    strike: async ({ scene, producers }, dice) => {
      for (let n = dice.between(1, 20); n > 0; n -= 1) {
        const job = producers.recent(dice);
        if (job) await scene.rq.redis.rpush(keys.queue(job.queue), job.id);
      }
    },
  },
];
