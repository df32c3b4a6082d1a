import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { endWithUs } from '../../../scripts/guard.mjs';
import type { BootOptions } from '../../../src/boot/boot-worker.js';
import { until } from '../../support/until.js';

export const fixture = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

interface Told {
  handlers: string[];
  summary: { finished: number; failed: number; left: string[] };
  claimed: number;
  trouble: string;
  failure: string;
}

/** A worker in a process of its own, booted as its users boot it. */
export class WorkerProcess {
  private static readonly started: WorkerProcess[] = [];

  /** For `afterEach`: an abandoned inline handler keeps its process alive, as it would its user's. */
  static async endAll(): Promise<void> {
    for (const { child, closed } of WorkerProcess.started.splice(0)) {
      child.kill('SIGKILL');
      await closed;
    }
  }

  readonly child: ChildProcess;
  private readonly closed: Promise<unknown>;
  private output = '';

  constructor(options: Omit<BootOptions, 'on'>, env: Record<string, string> = {}) {
    const args = [fixture('run-worker.js'), JSON.stringify(options)];
    this.child = spawn(process.execPath, args, {
      env: { ...process.env, NODE_OPTIONS: '', ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const release = endWithUs(this.child.pid as number);
    WorkerProcess.started.push(this);
    this.child.stdout?.on('data', (chunk) => {
      this.output += chunk;
    });
    this.closed = once(this.child, 'close').finally(release);
  }

  private lines(): Partial<Told>[] {
    return this.output
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  }

  /** What it tells under this name, as soon as it does. */
  told<K extends keyof Told>(name: K): Promise<Told[K]> {
    return until(`the worker tells ${name}: ${this.output}`, () => {
      const line = this.lines().find((each) => name in each);
      return line && (line as Told)[name];
    }) as Promise<Told[K]>;
  }

  has(name: keyof Told): boolean {
    return this.lines().some((line) => name in line);
  }

  /** Its exit code, or the signal that ended it. */
  async exit(): Promise<unknown> {
    await this.closed;
    return this.child.exitCode ?? this.child.signalCode;
  }
}
