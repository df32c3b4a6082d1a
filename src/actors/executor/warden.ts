import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { childEnvironment, neededVariables } from './child-environment.js';
import { WardenLostError } from './errors.js';
import { beatEveryMs } from './watchdog.js';

const entry = fileURLToPath(new URL('./warden-main.js', import.meta.url));
/** Before a warden that ended is replaced: whatever ended it may end the next one too. */
const replaceAfterMs = 1_000;
/** What waits for it, in bytes, before we take it for frozen. It would keep us from ending. */
const mostUnread = 65_536;

/**
 * One process that ends executor children, with their process groups, when this process is gone or frozen. It stands for
 * the watchdog thread of each child, which takes as much CPU to start as the rest of the child: too dear for one job. It is
 * there while there are children, and keeps nothing running that waits for this process to end.
 */
export class Warden {
  private readonly groups = new Set<number>();
  private process: ChildProcess | null = null;
  private replacing: NodeJS.Timeout | undefined;
  private beating: NodeJS.Timeout | undefined;
  /** How many were lost in a row, none of which lived for a lease. */
  private lost = 0;

  /** Children are ended after so long without a sign of us. */
  constructor(
    private readonly leaseMs: number,
    private readonly onTrouble: (error: WardenLostError) => void,
  ) {}

  /** The process of the warden itself, while there is one. */
  get pid(): number | undefined {
    return this.process?.pid;
  }

  /** From now on it ends the process group of this child when we are gone. */
  watch(pid: number): void {
    this.groups.add(pid);
    if (this.process) this.say(`+${pid}\n`);
    else if (!this.replacing) this.start();
  }

  /** That child is gone. Its number may soon be another's. */
  forget(pid: number): void {
    if (!this.groups.delete(pid)) return;
    this.say(`-${pid}\n`);
    if (this.groups.size === 0) this.end();
  }

  private start(): void {
    const startedAtMs = performance.now();
    let warden: ChildProcess;
    try {
      warden = spawn(process.execPath, [entry, String(this.leaseMs)], {
        // Not in the group of a worker that is killed as a group.
        detached: true,
        stdio: ['pipe', 'ignore', 'ignore'],
        env: childEnvironment(process.env, { inherit: neededVariables }),
      });
    } catch (error) {
      // Some errors of the system are thrown, others are events.
      this.replace(String(error));
      return;
    }
    this.process = warden;
    const isOver = (why: string): void => {
      if (this.process !== warden) return;
      if (performance.now() - startedAtMs > this.leaseMs) this.lost = 0;
      this.end();
      this.replace(why);
    };
    warden.once('error', (error) => isOver(error.message));
    warden.once('exit', (code, signal) => isOver(`it ended with ${signal ?? `code ${code}`}`));
    // What cannot be said any more is said to the next one.
    warden.stdin?.on('error', () => undefined);
    warden.unref();
    // A pipe of a child is a socket.
    (warden.stdin as Partial<{ unref(): void }> | null)?.unref?.();
    for (const pid of this.groups) this.say(`+${pid}\n`);
    this.beating = setInterval(() => this.beat(), beatEveryMs(this.leaseMs)).unref();
  }

  private replace(why: string): void {
    if (this.groups.size === 0) return;
    this.lost += 1;
    // One may be killed by whoever clears up. That none lives leaves the children to themselves.
    if (this.lost === 3) this.onTrouble(new WardenLostError(why));
    this.replacing = setTimeout(() => {
      this.replacing = undefined;
      if (this.groups.size > 0) this.start();
    }, replaceAfterMs).unref();
  }

  private end(): void {
    clearInterval(this.beating);
    this.process?.stdin?.end();
    this.process = null;
  }

  private beat(): void {
    // Some unread signs say as much as a thousand.
    if ((this.process?.stdin?.writableLength ?? 0) < 64) this.say('\n');
  }

  private say(line: string): void {
    const pipe = this.process?.stdin;
    if (!pipe?.writable) return;
    if (pipe.writableLength > mostUnread) this.process?.kill('SIGKILL');
    else pipe.write(line);
  }
}
