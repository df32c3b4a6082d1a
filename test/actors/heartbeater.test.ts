import { describe, expect, it } from '@jest/globals';
import { heartbeater } from '../../src/actors/heartbeater.js';
import type { WorkerRecord } from '../../src/redis/transitions/worker-life.js';
import { makeSystem } from './kernel/support/system.js';

const makeHeartbeater = () => {
  const { system, clock } = makeSystem();
  const worker = {
    state: 'idle' as WorkerRecord['state'],
    job: null as string | null,
    isRedisAway: false,
  };
  const beats: string[] = [];
  const troubles: unknown[] = [];
  system.spawn(
    heartbeater({
      record: { name: 'w', queues: ['default'], state: 'idle', fields: {} },
      beat: async ({ state, current }) => {
        if (worker.isRedisAway) throw new Error('away');
        const job = current ? ` ${current.jobId} for ${current.workingSeconds} s` : '';
        beats.push(`${clock.now()} ${state}${job}`);
      },
      state: () => worker.state,
      currentJob: () => worker.job,
      everyMs: 20_000,
      onTrouble: (error) => void troubles.push(error),
    }),
  );
  return { worker, beats, troubles, clock };
};

describe('the heartbeater', () => {
  it('gives a sign of life every so often', async () => {
    const { clock, beats } = makeHeartbeater();
    await clock.advance(60_000);
    expect(beats).toEqual(['20000 idle', '40000 idle', '60000 idle']);
  });

  it('tells a change of state within a second, and what changes in between not at all', async () => {
    const { clock, beats, worker } = makeHeartbeater();
    await clock.advance(1_000);
    for (let flip = 0; flip < 1_000; flip += 1) worker.state = flip % 2 ? 'idle' : 'busy';
    await clock.advance(1_000);
    expect(beats).toEqual([]);
    worker.state = 'busy';
    await clock.advance(2_000);
    expect(beats).toEqual(['3000 busy']);
  });

  it('shows a job that was there in two looks, and takes it away when it is over', async () => {
    const { clock, beats, worker } = makeHeartbeater();
    worker.state = 'busy';
    worker.job = 'short';
    await clock.advance(1_000);
    worker.job = 'long';
    await clock.advance(2_000);
    expect(beats).toEqual(['1000 busy', '3000 busy long for 1 s']);
    await clock.advance(20_000);
    worker.job = null;
    worker.state = 'idle';
    await clock.advance(1_000);
    expect(beats.slice(2)).toEqual(['23000 busy long for 21 s', '24000 idle']);
  });

  it('tries again each second while Redis is away', async () => {
    const { clock, beats, worker, troubles } = makeHeartbeater();
    await clock.advance(19_500);
    worker.isRedisAway = true;
    await clock.advance(3_000);
    worker.isRedisAway = false;
    await clock.advance(1_000);
    expect(troubles).toHaveLength(3);
    expect(beats).toEqual(['23000 idle']);
  });
});
