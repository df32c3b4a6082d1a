import { setTimeout as delay } from 'node:timers/promises';
import type { Nemesis } from '../nemesis.js';

export const ofWorkers: readonly Nemesis[] = [
  {
    name: 'kill a worker',
    faults: 'F02, F03, F37',
    weight: 5,
    strike: async (world, dice) => {
      const worker = dice.pick(world.workers);
      await worker.kill();
      world.replace(worker);
    },
  },
  {
    name: 'freeze a worker',
    faults: 'F05, F38',
    weight: 4,
    strike: async (world, dice) => {
      const worker = dice.pick(world.workers);
      worker.signal('SIGSTOP');
      await delay(dice.between(500, 5_000));
      worker.signal('SIGCONT');
    },
  },
  {
    name: 'replace a worker',
    faults: 'F06, F07, F20',
    weight: 3,
    strike: async (world, dice) => {
      const worker = dice.pick(world.workers);
      worker.signal('SIGTERM');
      await worker.end(60_000);
      world.replace(worker);
    },
  },
  {
    name: 'stop a worker twice',
    faults: 'F08',
    weight: 1,
    strike: async (world, dice) => {
      const worker = dice.pick(world.workers);
      worker.signal('SIGTERM');
      await delay(dice.between(20, 300));
      worker.signal('SIGTERM');
      await worker.end(30_000);
      world.replace(worker);
    },
  },
];
