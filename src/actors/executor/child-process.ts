import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type ChildEnvironment, childEnvironment } from './child-environment.js';
import { Journal } from './journal.js';
import { descriptors } from './protocol.js';

// The bundle that the build makes of `child-main.ts`: forty module files would double a child's start.
const entry = fileURLToPath(new URL('../../executor/child-main.js', import.meta.url));

export interface SpawnOptions {
  readonly environment?: ChildEnvironment;
  /** Flags for Node, such as `--max-old-space-size=256`. None are inherited. */
  readonly execArgv?: readonly string[];
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
}

/** A spawned child with its pipes. */
export interface SpawnedChild {
  readonly process: ChildProcess;
  /** `undefined` when the system refused to make a process; an `error` event says why. */
  readonly pid: number | undefined;
  readonly control: Socket;
  readonly watchdog: Socket | null;
  readonly journal: Journal | null;
  readonly token: Buffer;
}

/**
 * Spawns one executor child as the leader of its own process group. No Node IPC: one stray line on
 * its descriptor would throw in this process. A socket of our own takes its place. Without a watchdog it gets no pipe for
 * one.
 *
 * @throws Error of the system: no processes, memory or descriptors left
 */
export const spawnChild = (options: SpawnOptions, hasWatchdog: boolean): SpawnedChild => {
  const journal = Journal.open();
  const { execArgv = [], cwd, uid, gid } = options;
  try {
    const child = spawn(process.execPath, [...execArgv, entry], {
      detached: true,
      stdio: [
        'ignore',
        ...(['pipe', 'pipe', 'pipe'] as const),
        hasWatchdog ? 'pipe' : 'ignore',
        journal?.writeFd ?? 'ignore',
      ],
      env: childEnvironment(process.env, options.environment),
      ...(cwd !== undefined && { cwd }),
      ...(uid !== undefined && { uid }),
      ...(gid !== undefined && { gid }),
    });
    // Out of descriptors Node gives a child without pipes, and tells why in an event only.
    if (!child.stdio) {
      child.on('error', () => undefined);
      throw new Error('spawn: too many open files');
    }
    return {
      process: child,
      pid: child.pid,
      control: child.stdio[descriptors.control] as Socket,
      watchdog: child.stdio[descriptors.watchdog] as Socket | null,
      journal,
      token: randomBytes(16),
    };
  } catch (error) {
    journal?.close();
    throw error;
  } finally {
    journal?.closeWriteFd();
  }
};
