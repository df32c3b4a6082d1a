import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Warden } from '../../../src/actors/executor/warden.js';
import { fail, isAlive, until } from './support/lab.js';

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

const startChild = (): number => {
  const child = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
  children.push(child);
  return child.pid as number;
};
const pidOf = async (warden: Warden, former?: number): Promise<number> => {
  await until('a warden', () => warden.pid !== undefined && warden.pid !== former);
  return warden.pid as number;
};

describe('a warden', () => {
  it('is there while there are children, and leaves those alone', async () => {
    const warden = new Warden(30_000, fail);
    expect(warden.pid).toBeUndefined();
    const [one, two] = [startChild(), startChild()];
    warden.watch(one);
    const first = await pidOf(warden);
    warden.watch(two);
    expect(warden.pid).toBe(first);
    warden.forget(one);
    warden.forget(two);
    await until('the warden is gone', () => !isAlive(first));
    expect([isAlive(one), isAlive(two)]).toEqual([true, true]);
    warden.watch(one);
    const second = await pidOf(warden, first);
    warden.forget(one);
    await until('the second is gone', () => !isAlive(second));
  });

  it('that is killed is replaced, and the next one knows all children', async () => {
    const warden = new Warden(30_000, fail);
    const [gone, here, late] = [startChild(), startChild(), startChild()];
    warden.watch(gone);
    warden.watch(here);
    const first = await pidOf(warden);
    process.kill(first, 'SIGKILL');
    await until('it is missed', () => warden.pid === undefined);
    warden.forget(gone);
    warden.watch(late);
    const second = await pidOf(warden, first);
    // All that it hears of our end.
    warden['process']?.stdin?.destroy();
    await until('the children are gone', () => !isAlive(here) && !isAlive(late));
    await until('and so is the warden', () => !isAlive(second));
    expect(isAlive(gone)).toBe(true);
    for (const pid of [here, late]) warden.forget(pid);
  });

  it('that rested for longer than the lease does not take it for ours', async () => {
    const warden = new Warden(600, fail);
    const child = startChild();
    warden.watch(child);
    const pid = await pidOf(warden);
    await until('it has started', () => isHeeding(pid));
    process.kill(pid, 'SIGSTOP');
    const thawAtMs = performance.now() + 700;
    await until('longer than the lease', () => performance.now() > thawAtMs);
    process.kill(pid, 'SIGCONT');
    const sureAtMs = performance.now() + 300;
    await until('several looks', () => performance.now() > sureAtMs);
    expect(isAlive(child)).toBe(true);
    warden.forget(child);
    await until('the warden is gone', () => !isAlive(pid));
  });

  it('that does not stay up is told, once', async () => {
    const lost: Error[] = [];
    const warden = new Warden(30_000, (error) => lost.push(error));
    const child = startChild();
    warden.watch(child);
    let former: number | undefined;
    for (let times = 1; times <= 4; times++) {
      const pid = await pidOf(warden, former);
      former = pid;
      expect(lost).toHaveLength(times > 3 ? 1 : 0);
      process.kill(pid, 'SIGKILL');
      await until('it is missed', () => warden.pid === undefined);
    }
    expect(lost.map(({ message }) => message)).toEqual([
      'The warden of the children was lost three times in a row, at last: it ended with SIGKILL',
    ]);
    warden.forget(child);
  });

  it('that is frozen for long is replaced, and keeps no memory of ours', async () => {
    const warden = new Warden(30_000, fail);
    const child = startChild();
    warden.watch(child);
    const first = await pidOf(warden);
    await until('it has started', () => isHeeding(first));
    process.kill(first, 'SIGSTOP');
    const pids = Array.from({ length: 60_000 }, (_, n) => 10_000_000 + n);
    for (const pid of pids) warden.watch(pid);
    for (const pid of pids) warden.forget(pid);
    const second = await pidOf(warden, first);
    expect(isAlive(first)).toBe(false);
    warden.forget(child);
    await until('the second is gone', () => !isAlive(second));
  });

  it('does not heed the signals that a service is ended with', async () => {
    const warden = new Warden(30_000, fail);
    const child = startChild();
    warden.watch(child);
    const pid = await pidOf(warden);
    await until('it has started', () => isHeeding(pid));
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.kill(pid, signal);
    const sureAtMs = performance.now() + 300;
    await until('it had the time to end', () => performance.now() > sureAtMs);
    expect(isAlive(pid)).toBe(true);
    warden.forget(child);
    await until('the warden is gone', () => !isAlive(pid));
  });
});

// SIGHUP is the last signal that it catches, and Node by itself does not.
const isHeeding = (pid: number): boolean => {
  const caught = /^SigCgt:\s+([0-9a-f]+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
  return (BigInt(`0x${caught?.[1] ?? 0}`) & 1n) !== 0n;
};
