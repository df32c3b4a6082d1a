import { type SpawnedChild, type SpawnOptions, spawnChild } from './child-process.js';
import { type Frame, FrameReader, ProtocolError } from './frames.js';
import { killGroup } from './kill-group.js';
import { encodeParentMessage } from './parent-message.js';
import type { ChildMessage, Hello, ParentMessage } from './protocol.js';
import { StepReader } from './step-reader.js';
import type { Warden } from './warden.js';
import { beatEveryMs, watchdogBytes } from './watchdog.js';

/** What a connection tells its owner. Nothing comes after `onExit`, which comes once. */
export interface ConnectionEvents {
  /** In order, without repetition, as many as one read brought. @throws ProtocolError to end it */
  onMessages(messages: readonly ChildMessage[], nowMs: number): void;
  /** Answer to `closeGate`: no job above this number has begun, and none will. */
  onGateClosed(lastBegun: number): void;
  /** The child said what it must not, or closed its channel. It has been killed. */
  onBroken(detail: string): void;
  /** The process is gone and everything it had said has been passed on. */
  onExit(exitCode: number | null, signal: string | null, spawnError: Error | null): void;
}

const lastBytesWithinMs = 500;

/**
 * One child process and the three ways to talk with it: the channel, the watchdog's pipe and the
 * journal. Knows nothing of jobs.
 */
export class ChildConnection {
  readonly #child: SpawnedChild;
  readonly #steps: StepReader;
  readonly #gate: FrameReader;
  #beating: NodeJS.Timeout | undefined;
  #lost: NodeJS.Timeout | undefined;
  #isBroken = false;
  #isGone = false;

  constructor(
    spawn: SpawnOptions,
    hello: Omit<Hello, 'kind' | 'token' | 'hasJournal' | 'hasWatchdog'>,
    private readonly warden: Warden | null,
    private readonly events: ConnectionEvents,
  ) {
    this.#child = spawnChild(spawn, warden === null);
    const { token, journal, control, watchdog, pid } = this.#child;
    const maxFrameBytes = hello.maxResultBytes + hello.maxMetaBytes + 1024 * 1024;
    this.#steps = new StepReader(maxFrameBytes, token);
    this.#gate = new FrameReader(64, token);
    // With a pid the error is about a signal that could not be sent, which its exit makes pointless.
    this.#child.process.on('error', (error) => {
      if (pid === undefined) void this.#exited(null, null, error);
    });
    if (pid === undefined) return;
    warden?.watch(pid);
    this.#child.process.once('exit', (code, signal) => void this.#exited(code, signal, null));
    control.on('data', (chunk: Buffer) => this.#guard(() => this.#read(chunk)));
    // A handler that closes the channel leaves a child that nobody can reach: it has a moment to
    // exit, which is what usually follows, and is killed otherwise.
    control.once('close', () => {
      if (this.#isGone) return;
      this.#lost = setTimeout(
        () => this.#break('it closed its control channel'),
        lastBytesWithinMs,
      );
    });
    watchdog?.on('data', (chunk: Buffer) => this.#guard(() => this.#readGate(chunk)));
    // Both break when the child dies under a write. Its exit is the news, not these.
    control.on('error', () => undefined);
    watchdog?.on('error', () => undefined);
    if (watchdog)
      this.#beating = setInterval(() => this.beat(), beatEveryMs(hello.leaseMs)).unref();
    const has = { hasJournal: journal !== null, hasWatchdog: watchdog !== null };
    this.send({ kind: 'hello', token: token.toString('hex'), ...has, ...hello });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get stdout() {
    return this.#child.process.stdout;
  }

  get stderr() {
    return this.#child.process.stderr;
  }

  send(message: ParentMessage): void {
    if (!this.#isGone && this.#child.control.writable) {
      this.#child.control.write(encodeParentMessage(message));
    }
  }

  /** Shows the child's watchdog that we live. It happens every second by itself. */
  beat(): void {
    this.#poke(watchdogBytes.beat);
  }

  /** Whether jobs can be taken back from it. */
  get hasGate(): boolean {
    return this.#child.watchdog !== null;
  }

  /** Lets no further job begin; answered by `onGateClosed`, even by a child in an endless loop. */
  closeGate(): void {
    this.#poke(watchdogBytes.closeGate);
  }

  /** What the child has done and not sent, because it is busy, hung or dead. */
  readJournal(): void {
    const { journal } = this.#child;
    if (!journal || this.#isGone) return;
    this.#guard(() => {
      const reports = this.#steps.fromJournal(journal.read());
      if (reports.length > 0) this.events.onMessages(reports, performance.now());
    });
  }

  /** A moment on the child's clock, on ours. */
  toOurClock(childMs: number, nowMs: number): number {
    return this.#steps.toOurClock(childMs, nowMs);
  }

  terminate(): void {
    if (!this.#isGone) this.#child.process.kill('SIGTERM');
  }

  /** SIGKILL for the child and its whole process group. */
  kill(): void {
    if (!this.#isGone && this.pid !== undefined) killGroup(this.pid);
  }

  #read(chunk: Buffer): void {
    if (this.#isBroken) return;
    const nowMs = performance.now();
    const messages: ChildMessage[] = [];
    try {
      this.#steps.fromChannel(chunk, nowMs, messages);
    } finally {
      if (messages.length > 0) this.events.onMessages(messages, nowMs);
    }
  }

  #readGate(chunk: Buffer): void {
    if (this.#isBroken) return;
    for (const { message } of this.#gate.push(chunk) as (Frame & {
      message: { begun: number };
    })[]) {
      this.events.onGateClosed(message.begun);
    }
  }

  #guard(read: () => void): void {
    try {
      read();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#break(`it broke the protocol: ${error.message}`);
    }
  }

  #break(detail: string): void {
    if (this.#isBroken || this.#isGone) return;
    this.#isBroken = true;
    // Which job did it is known from the journal alone when its beginning is stuck behind the garbage.
    this.readJournal();
    this.events.onBroken(detail);
    this.kill();
    // What still comes is not looked at, but a full pipe must not keep anything in memory.
    this.#child.control.destroy();
  }

  #poke(byte: number): void {
    const { watchdog } = this.#child;
    // A stopped child does not read: a handful of unread bytes says as much as a thousand.
    if (!this.#isGone && watchdog?.writable && watchdog.writableLength < 64) {
      watchdog.write(Buffer.of(byte));
    }
  }

  // `exit` may overtake the last bytes on the pipes. They are waited for, but not for ever: a
  // grandchild that inherited stderr could hold it open.
  async #exited(code: number | null, signal: string | null, error: Error | null): Promise<void> {
    if (this.#isGone) return;
    clearInterval(this.#beating);
    clearTimeout(this.#lost);
    const { control, watchdog, journal, process: child, pid } = this.#child;
    if (pid !== undefined) this.warden?.forget(pid);
    // Only now, while the number still belongs to the group of this child.
    if (pid !== undefined && (code !== 0 || this.#isBroken)) killGroup(pid);
    if (!error) await allClosed([control, child.stderr], lastBytesWithinMs);
    this.readJournal();
    this.#isGone = true;
    journal?.close();
    for (const stream of [control, watchdog, child.stdout, child.stderr]) stream?.destroy();
    this.events.onExit(code, signal, error);
  }
}

type Closable = { readonly closed: boolean; once(event: 'close', listener: () => void): unknown };

const allClosed = (streams: readonly (Closable | null)[], withinMs: number): Promise<void> =>
  new Promise((resolve) => {
    const open = streams.filter((stream) => stream && !stream.closed) as Closable[];
    let left = open.length;
    if (left === 0) return resolve();
    const timer = setTimeout(resolve, withinMs);
    for (const stream of open) {
      stream.once('close', () => {
        left -= 1;
        if (left > 0) return;
        clearTimeout(timer);
        resolve();
      });
    }
  });
