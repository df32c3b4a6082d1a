import { readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { until } from '../support/until.js';
import { Dice } from './dice.js';
import { draw } from './nemeses.js';
import { type Reckoning, reckon } from './reckoning.js';
import { mixed, queues, readProc, World } from './world.js';

/** Given by `npm run chaos`, which also prints the seed first. */
const { seed, minutes } = JSON.parse(process.env.RXRQ_CHAOS ?? '{"seed":0,"minutes":0}') as {
  seed: number;
  minutes: number;
};
const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** Memory and open files of a process. */
const sizeOf = (pid: number) => {
  const files = (): number => {
    try {
      return readdirSync(`/proc/${pid}/fd`).length;
    } catch {
      return 0;
    }
  };
  const kB = /VmRSS:\s+(\d+)/.exec(readProc(pid, 'status'))?.[1];
  return { residentMiB: Math.round(Number(kB ?? 0) / 1_024), files: files() };
};

const report = (reckoning: Reckoning, more: Record<string, unknown>): string => {
  const { wrong, ...counts } = reckoning;
  const rows = Object.entries({ ...counts, ...more }).map(
    ([name, value]) =>
      `  ${name.padEnd(22)}${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return [
    `Chaos, seed ${seed}, ${minutes} min`,
    ...rows,
    ...wrong.map((line) => `  WRONG ${line}`),
  ].join('\n');
};

const chaos = process.env.RXRQ_CHAOS ? it : it.skip;

chaos(
  'whatever happens, every acknowledged job ends once, and nothing is left behind',
  async () => {
    const dice = new Dice(seed);
    const world = await World.begin(4);
    const { scene, witness } = world;
    const struck: Record<string, number> = {};
    try {
      world.produce(60, new Dice(seed + 1));
      await delay(3_000);
      const sizes = [sizeOf(witness.pid)];
      const beganMs = performance.now();
      const endMs = beganMs + minutes * 60_000;
      while (performance.now() < endMs) {
        const nemesis = draw(dice);
        struck[nemesis.name] = (struck[nemesis.name] ?? 0) + 1;
        say(
          `  ${((performance.now() - beganMs) / 1_000).toFixed(1).padStart(7)} s  ${nemesis.name}`,
        );
        await nemesis.strike(world, dice);
        await delay(dice.between(100, 2_500));
        if (sizes.length < 4 && performance.now() - beganMs > (minutes * 60_000 * sizes.length) / 4)
          sizes.push(sizeOf(witness.pid));
      }
      await world.stopProducing();
      const stoppedMs = performance.now();
      await scene.drained(queues, 120_000);
      const scheduled = (): Promise<number[]> =>
        Promise.all(queues.map((queue) => scene.rq.redis.zcard(`rq:scheduled:${queue}`)));
      await until('nothing is scheduled', async () => (await scheduled()).every((n) => n === 0), {
        deadlineMs: 60_000,
      });
      await scene.drained(queues, 60_000);
      // A lease of Python lasts for a minute longer than its signs of life.
      await scene.drained([mixed], 150_000);
      const drainedSeconds = ((performance.now() - stoppedMs) / 1_000).toFixed(1);
      sizes.push(sizeOf(witness.pid));

      await world.snake?.stop();
      const exits: unknown[] = [];
      for (const worker of [...world.workers, witness]) {
        if (!worker.messages.some(({ kind }) => kind === 'ready'))
          await worker.said('ready', 30_000);
        worker.signal('SIGTERM');
        exits.push(await worker.end(60_000));
      }
      const orphans = async (): Promise<boolean> => world.processes().length === 0;
      await until('no process is left', orphans, { deadlineMs: 15_000 }).catch(() => undefined);
      const left = world
        .processes()
        .map((pid) => `${pid} ${readProc(pid, 'cmdline').replaceAll('\0', ' ')}`);
      const findings = await scene.findings();
      const reckoning = await reckon(world);
      const [first, last] = [sizes[1] ?? sizes[0], sizes.at(-1)];
      const grownMiB = (last?.residentMiB ?? 0) - (first?.residentMiB ?? 0);
      say(
        report(reckoning, {
          refusedEnqueues: world.refusals,
          nemeses: struck,
          drainedSeconds,
          witness: sizes
            .map(({ residentMiB, files }) => `${residentMiB} MiB/${files} files`)
            .join(', '),
          python: world.snake ? `${world.snake.lives} lives` : 'MISSING: it took no part',
          exits,
          orphans: left,
          audit: findings.slice(0, 20),
        }),
      );
      expect(reckoning.wrong).toEqual([]);
      expect(findings).toEqual([]);
      expect(left).toEqual([]);
      expect(exits.filter((code) => code !== 0)).toEqual([]);
      expect((last?.files ?? 0) - (sizes[0]?.files ?? 0)).toBeLessThan(8);
      // Leaks grow with time; a heap that has not been swept yet does not.
      expect(grownMiB).toBeLessThan(60 + 5 * minutes);
    } finally {
      await world.stopProducing().catch((error: unknown) => say(String(error)));
      await world.snake?.stop();
      await scene.close();
    }
  },
  (minutes + 8) * 60_000,
);
