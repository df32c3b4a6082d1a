import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { aclRoles } from '../../../src/redis/acl.js';
import { until } from '../../support/until.js';
import { asUser } from '../../support/users.js';
import type { Nemesis } from '../nemesis.js';
import type { World } from '../world.js';

const answers = (world: World) =>
  until('Redis answers', () => world.scene.rq.redis.ping().catch(() => false), {
    deadlineMs: 30_000,
  });

const restart = async (world: World, how: NodeJS.Signals, downMs: number): Promise<void> => {
  await world.scene.server.kill(how);
  await delay(downMs);
  await world.scene.server.restart();
  await answers(world);
};

/** Beside the connections of everybody else, and spared by what happens to them. */
const asAdmin = async (world: World, act: (admin: Redis) => Promise<unknown>): Promise<void> => {
  const admin = new Redis(asUser(world.scene.server.url, 'harness'), { enableReadyCheck: false });
  try {
    await act(admin);
  } finally {
    admin.disconnect();
  }
};

const killConnections = async (admin: Redis): Promise<void> => {
  await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
};

export const ofRedis: readonly Nemesis[] = [
  {
    name: 'kill Redis',
    faults: 'F45',
    weight: 3,
    strike: (world, dice) => restart(world, 'SIGKILL', dice.between(0, 3_000)),
  },
  {
    name: 'restart Redis',
    faults: 'F44',
    weight: 1,
    strike: (world, dice) => restart(world, 'SIGTERM', dice.between(0, 1_000)),
  },
  {
    name: 'freeze Redis',
    faults: 'F47',
    weight: 3,
    strike: async (world, dice) => {
      world.scene.server.freeze();
      await delay(dice.between(200, 4_000));
      world.scene.server.thaw();
      await answers(world);
    },
  },
  {
    name: 'kill all connections',
    faults: 'F59',
    weight: 4,
    strike: (world, dice) =>
      asAdmin(world, async (admin) => {
        for (let times = dice.between(1, 10); times > 0; times -= 1) {
          await killConnections(admin);
          await delay(dice.between(10, 200));
        }
      }),
  },
  {
    name: 'forget all scripts',
    faults: 'F55',
    weight: 2,
    strike: (world, dice) =>
      asAdmin(world, async (admin) => {
        for (let times = dice.between(1, 20); times > 0; times -= 1) {
          await admin.script('FLUSH');
          await delay(dice.between(5, 50));
        }
      }),
  },
  {
    name: 'fill the memory of Redis',
    faults: 'F49',
    weight: 2,
    strike: (world, dice) =>
      asAdmin(world, async (admin) => {
        await admin.config('SET', 'maxmemory', '1');
        await delay(dice.between(300, 2_500));
        await admin.config('SET', 'maxmemory', '0');
      }),
  },
  {
    name: 'hold Redis up with a script',
    faults: 'F51',
    weight: 1,
    strike: (world, dice) =>
      asAdmin(world, async (admin) => {
        await admin.config('SET', 'lua-time-limit', '100');
        const rude = new Redis(asUser(world.scene.server.url, 'harness'));
        const ended = rude.eval('while true do end', 0).catch((error: unknown) => String(error));
        await delay(dice.between(300, 4_000));
        // BUSY begins some time after the script does.
        await until('it is killed', () => admin.call('SCRIPT', 'KILL').catch(() => false));
        await ended;
        rude.disconnect();
      }),
  },
  {
    name: 'make Redis a replica for a while',
    faults: 'F53',
    weight: 2,
    strike: (world, dice) =>
      asAdmin(world, async (admin) => {
        await admin.call('REPLICAOF', '127.0.0.1', '1');
        await delay(dice.between(300, 4_000));
        await admin.call('REPLICAOF', 'NO', 'ONE');
      }),
  },
  {
    name: 'take the right to enter',
    faults: 'F58',
    weight: 2,
    strike: (world, dice) =>
      asAdmin(world, async (admin) => {
        for (const role of aclRoles) await admin.acl('SETUSER', role, 'off');
        await killConnections(admin);
        await delay(dice.between(300, 4_000));
        for (const role of aclRoles) await admin.acl('SETUSER', role, 'on');
      }),
  },
  {
    name: 'let nobody in',
    faults: 'F57',
    weight: 2,
    strike: (world, dice) =>
      asAdmin(world, async (admin) => {
        await admin.config('SET', 'maxclients', String(dice.between(1, 6)));
        await killConnections(admin);
        await delay(dice.between(300, 4_000));
        await admin.config('SET', 'maxclients', '10000');
      }),
  },
];
