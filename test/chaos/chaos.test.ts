import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { until } from '../support/until.js';
import { Dice } from './dice.js';
import { keysAfterDeletion, strayConnections, strayKeys } from './leftovers.js';
import { nemeses } from './nemeses/index.js';
import { rounds } from './nemesis.js';
import { processesWith, readProc, sizeOf } from './processes.js';
import { type Reckoning, reckon } from './reckoning.js';
import { slopeOf } from './slope.js';
import { mixed, queues, World } from './world.js';

/** Given by `npm run chaos`, which also prints the seed first. */
const { seed, minutes } = JSON.parse(process.env.RXRQ_CHAOS ?? '{"seed":0,"minutes":0}') as {
  seed: number;
  minutes: number;
};
const say = (text: string): void => void process.stderr.write(`${text}\n`);

const readingEveryMs = 10_000;
/** Below that many minutes a process still grows into its work. */
const leastMinutesForSlope = 10;
const mostMiBPerMinute = 1;
const mostMiB = 80;

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

/** Strikes one after the other until the time is up, and watches the witness meanwhile. */
const torment = async (world: World, dice: Dice) => {
  const struck: Record<string, number> = Object.fromEntries(nemeses.map(({ name }) => [name, 0]));
  const beganMs = performance.now();
  const readings = [{ minute: 0, ...(await sizeOf(world.witness.pid)) }];
  const reading = setInterval(async () => {
    const size = await sizeOf(world.witness.pid);
    readings.push({ minute: (performance.now() - beganMs) / 60_000, ...size });
  }, readingEveryMs);
  try {
    for (const { name, faults, strike } of rounds(nemeses, dice.fork())) {
      const seconds = (performance.now() - beganMs) / 1_000;
      if (seconds > minutes * 60) return { struck, readings };
      struck[name] = (struck[name] ?? 0) + 1;
      say(`  ${seconds.toFixed(1).padStart(7)} s  ${name} (${faults})`);
      await strike(world, dice.fork());
      await world.isCalm();
      await world.tend();
      await delay(dice.between(100, 2_500));
    }
  } finally {
    clearInterval(reading);
  }
  throw new Error('the rounds never end');
};

/** Waits until all work is done. */
const drain = async ({ scene }: World): Promise<void> => {
  await scene.drained(queues, 120_000);
  const waiting = (): Promise<number[]> =>
    Promise.all(
      queues.flatMap((queue) => [
        scene.rq.redis.zcard(`rq:scheduled:${queue}`),
        scene.rq.redis.zcard(`rq:deferred:${queue}`),
      ]),
    );
  await until(
    'nothing is scheduled or deferred',
    async () => (await waiting()).every((n) => n === 0),
    {
      deadlineMs: 60_000,
    },
  );
  await scene.drained(queues, 60_000);
  // A lease of Python lasts for a minute longer than its signs of life.
  await scene.drained([mixed], 180_000);
};

/** Asks all to leave. Answers how they ended. */
const dismiss = async (world: World): Promise<unknown[]> => {
  await world.snake?.stop();
  const exits: unknown[] = [];
  for (const worker of [...world.workers, world.witness]) {
    await worker.said('ready', 30_000);
    worker.signal('SIGTERM');
    exits.push(await worker.end(60_000));
  }
  return exits;
};

const chaos = process.env.RXRQ_CHAOS ? it : it.skip;

chaos(
  'whatever happens, every acknowledged job ends once, and nothing is left behind',
  async () => {
    const dice = new Dice(seed);
    const world = await World.begin(4);
    const { scene, witness, producers } = world;
    try {
      world.produce(60, dice.fork());
      await delay(3_000);
      const { struck, readings } = await torment(world, dice);
      await producers.stop();
      producers.check();
      const stoppedMs = performance.now();
      await drain(world);
      const drainedSeconds = ((performance.now() - stoppedMs) / 1_000).toFixed(1);
      const last = await sizeOf(witness.pid);
      await world.tend();
      const exits = await dismiss(world);
      const processes = () => processesWith(scene.ledgerPath);
      await until('no process is left', () => processes().length === 0, {
        deadlineMs: 15_000,
      }).catch(() => undefined);
      const orphans = processes().map(
        (pid) => `${pid} ${readProc(pid, 'cmdline').replaceAll('\0', ' ')}`,
      );
      const connections = await strayConnections(world);
      const reckoning = await reckon(world);
      // RQ's own workers settle unchecked: what they leave between the two registries is there to be mended.
      const ofPython = (text: string): boolean => text.includes(`"queue":"${mixed}"`);
      const findings = await scene.findings(world.operator);
      const own = findings.filter((text) => !ofPython(text));
      await scene.audit({ repair: true }, world.operator);
      const unmended = await scene.findings(world.operator);
      const strays = await strayKeys(world);
      const undeleted = await keysAfterDeletion(world);
      await world.checkRights();
      const mibPerMinute = slopeOf(
        readings.map(({ minute, residentMiB }) => ({ minute, value: residentMiB })),
      );
      const grownMiB = last.residentMiB - (readings[0]?.residentMiB ?? 0);
      const peakMiB = Math.max(...readings.map(({ residentMiB }) => residentMiB));
      const grownFiles = last.files - (readings[0]?.files ?? 0);
      say(
        report(reckoning, {
          refusedEnqueues: producers.refused,
          nemeses: struck,
          failedStarts: world.failedStarts,
          crashes: world.crashes,
          drainedSeconds,
          witness: `${readings[0]?.residentMiB.toFixed(0)} MiB at first, ${last.residentMiB.toFixed(0)} at last, ${peakMiB.toFixed(0)} at most, ${mibPerMinute.toFixed(2)} MiB/min; ${last.files} files, ${grownFiles} more`,
          python: world.snake ? `${world.snake.lives} lives` : 'MISSING: it took no part',
          exits,
          orphans,
          connections,
          audit: own,
          mendedForPython: findings.length - own.length,
          unmended,
          strayKeys: strays.slice(0, 20),
          keysAfterDeletion: undeleted.slice(0, 20),
        }),
      );
      expect(reckoning.wrong).toEqual([]);
      expect(own).toEqual([]);
      expect(unmended).toEqual([]);
      expect(strays).toEqual([]);
      expect(undeleted).toEqual([]);
      expect(world.crashes).toEqual([]);
      expect(orphans).toEqual([]);
      expect(connections).toBe(0);
      expect(exits.filter((code) => code !== 0)).toEqual([]);
      expect(grownFiles).toBeLessThan(8);
      expect(grownMiB).toBeLessThan(mostMiB);
      if (minutes >= leastMinutesForSlope) expect(mibPerMinute).toBeLessThan(mostMiBPerMinute);
      // Nothing of the matrix was left out by chance.
      const spared = nemeses.filter(({ name }) => struck[name] === 0).map(({ name }) => name);
      if (minutes >= leastMinutesForSlope) expect(spared).toEqual([]);
    } finally {
      await producers.stop();
      await world.close();
    }
  },
  (minutes + 12) * 60_000,
);
