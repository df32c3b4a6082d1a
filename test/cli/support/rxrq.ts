import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { until } from '../../support/until.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const bin = `${root}dist/cli/main.js`;
const running = new Set<Rxrq>();

/** The module of handlers that the tests run. */
export const tasksModule = fileURLToPath(new URL('../fixtures/tasks.js', import.meta.url));

/** One run of the compiled command line, with nothing of our environment that would lead it to a Redis. */
export class Rxrq {
  stdout = '';
  stderr = '';
  readonly child: ChildProcess;
  /** Its exit code; `null` when a signal ended it. */
  readonly code: Promise<number | null>;
  private hasEnded = false;

  constructor(args: readonly string[], env: Readonly<Record<string, string | undefined>> = {}) {
    const clean = { REDIS_URL: undefined, RQ_REDIS_URL: undefined, NODE_OPTIONS: undefined };
    this.child = spawn(process.execPath, [bin, ...args], {
      cwd: root,
      env: { ...process.env, ...clean, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.code = new Promise((resolve) => {
      this.child.once('close', (code) => {
        this.hasEnded = true;
        running.delete(this);
        resolve(code);
      });
    });
    running.add(this);
  }

  /** Waits until its output holds the text. */
  said(text: string, from: 'stdout' | 'stderr' = 'stdout', deadlineMs = 15_000): Promise<true> {
    const read = (): true | null => {
      if (this[from].includes(text)) return true;
      if (this.hasEnded) throw new Error(`it ended without it: ${this.stdout}${this.stderr}`);
      return null;
    };
    return until(`${JSON.stringify(text)} on ${from}`, read, { deadlineMs });
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Its stdout as the objects of `--json`; throws when a line is anything else. */
  objects(): Array<Record<string, unknown>> {
    const lines = this.stdout.split('\n');
    if (lines.pop() !== '') throw new Error('the last line has no end');
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }
}

/** Runs to the end. */
export const rxrq = async (
  url: string | null,
  ...args: string[]
): Promise<{ code: number | null; run: Rxrq; stdout: string; stderr: string }> => {
  const run = new Rxrq(args, url === null ? {} : { RQ_REDIS_URL: url });
  const code = await run.code;
  return { code, run, stdout: run.stdout, stderr: run.stderr };
};

/** Ends what a test left running; for `afterEach`. */
export const endAll = async (): Promise<void> => {
  const left = [...running];
  for (const run of left) run.kill('SIGKILL');
  await Promise.all(left.map(({ code }) => code));
};
