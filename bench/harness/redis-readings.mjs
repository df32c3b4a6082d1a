import { setTimeout as pause } from 'node:timers/promises';
import { monotonicMs } from './monotonic-ms.mjs';

/** What Redis says of itself now: its CPU time, and calls per command since it started. */
export async function readRedis(client) {
  const [[, cpu], [, stats]] = await client.pipeline().info('cpu').info('commandstats').exec();
  return { atMs: monotonicMs(), cpuUs: cpuUs(cpu), calls: callsByCommand(stats) };
}

/** CPU and commands per job between two readings, without the `own` commands of the watcher. */
export function redisPerJob(before, after, jobs, own = {}) {
  const commands = {};
  for (const [name, calls] of Object.entries(after.calls)) {
    const spent = calls - (before.calls[name] ?? 0) - (own[name] ?? 0);
    if (spent > 0 && name !== 'info') commands[name] = round(spent / jobs, 4);
  }
  return {
    redisCpuUsPerJob: (after.cpuUs - before.cpuUs) / jobs,
    commandsPerJob: Object.values(commands).reduce((sum, calls) => sum + calls, 0),
    commands,
  };
}

/** Bytes in use, once three readings in a row agree: closed connections free theirs a little later. */
export async function settledMemory(client) {
  const readings = [];
  for (let attempt = 0; attempt < 60; attempt += 1) {
    readings.push(Number(/^used_memory:(\d+)/m.exec(await client.info('memory'))[1]));
    const [a, b, c] = readings.slice(-3);
    if (c !== undefined && Math.max(a, b, c) - Math.min(a, b, c) < 4096) return c;
    await pause(50);
  }
  throw new Error(`used_memory does not settle: ${readings.slice(-5).join(', ')}`);
}

function cpuUs(text) {
  const seconds = (field) => Number(new RegExp(`^${field}:(\\S+)`, 'm').exec(text)[1]);
  return (seconds('used_cpu_user') + seconds('used_cpu_sys')) * 1e6;
}

function callsByCommand(text) {
  const entries = [...text.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)];
  return Object.fromEntries(entries.map(([, name, calls]) => [name, Number(calls)]));
}

function round(value, digits) {
  return Number(value.toFixed(digits));
}
