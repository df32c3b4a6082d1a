import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { endWithUs } from '../../../scripts/guard.mjs';
import type { BootOptions } from '../../../src/boot/boot-worker.js';
import { until } from '../../support/until.js';

const victimPath = fileURLToPath(new URL('../fixtures/victim.mjs', import.meta.url));

/** File URL of a fixture with handlers. */
export const fixture = (name: string): string =>
  new URL(`../fixtures/${name}`, import.meta.url).href;

export interface VictimOptions extends Omit<BootOptions, 'on' | 'handlers'> {
  handlers?: string;
  ledger: string;
  /** Boots only when it is told to `go`. */
  wait?: boolean;
  /** Its own hooks throw. */
  throwing?: boolean;
  /** Its own hook leaves a rejection that nobody handles. */
  rejecting?: boolean;
  /** URL of another build of the package. */
  build?: string | undefined;
  /** Flags of Node. */
  execArgv?: readonly string[];
  /** What its command line begins with, to run it elsewhere. */
  within?: readonly string[];
}

export interface Message {
  kind: 'loaded' | 'ready' | 'trouble' | 'done' | 'failed';
  [field: string]: unknown;
}

/** A worker in a process of its own, to be treated badly. It never outlives the test. */
export class Victim {
  readonly messages: Message[] = [];
  private readonly listeners = new Set<(message: Message) => void>();
  private readonly child: ChildProcess;
  private readonly gone: Promise<unknown>;
  private rest = '';
  stderr = '';

  constructor({
    ledger,
    handlers = fixture('handlers.mjs'),
    env,
    execArgv = [],
    within = [],
    ...options
  }: VictimOptions) {
    // The Redis of most tests keeps nothing, and need not.
    const durability = 'ignore';
    const victim = { handlers, durability, env: { LEDGER: ledger, ...env }, ...options };
    const [file, ...args] = [...within, process.execPath, ...execArgv, victimPath] as [string];
    this.child = spawn(file, args, {
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        LEDGER: ledger,
        ...env,
        VICTIM: JSON.stringify(victim),
      },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.child.stdin?.on('error', () => undefined);
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => this.read(text));
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr = (this.stderr + text).slice(-20_000);
    });
    const release = endWithUs(this.pid);
    this.gone = once(this.child, 'close').then(release);
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get isGone(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  go(): void {
    this.child.stdin?.write('go\n');
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Resolves with the message. @throws with all that it said, when it did not come */
  async said(kind: Message['kind'], deadlineMs = 40_000): Promise<Message> {
    const known = this.messages.find((message) => message.kind === kind);
    if (known) return known;
    return new Promise((resolve, reject) => {
      const give = (): void => {
        const all = `${JSON.stringify(this.messages)} ${this.stderr}`;
        reject(new Error(`the victim never said ${kind} within ${deadlineMs} ms: ${all}`));
      };
      const deadline = setTimeout(give, deadlineMs);
      this.listeners.add((message) => {
        if (message.kind !== kind) return;
        clearTimeout(deadline);
        resolve(message);
      });
    });
  }

  /** Resolves with its exit code when it is gone, or its signal. */
  async end(deadlineMs = 15_000): Promise<number | NodeJS.Signals | null> {
    await until('the victim is gone', () => this.isGone, { deadlineMs });
    await this.gone;
    return this.child.exitCode ?? this.child.signalCode;
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.gone;
  }

  get troubles(): string[] {
    return this.messages.flatMap(({ kind, message }) =>
      kind === 'trouble' ? [String(message)] : [],
    );
  }

  private read(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) {
      if (!line.startsWith('{')) continue;
      const message = JSON.parse(line) as Message;
      this.messages.push(message);
      for (const listener of this.listeners) listener(message);
    }
  }
}
