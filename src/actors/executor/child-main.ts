// The executor child's process: the entry file that ExecutorProcess spawns. It ends when its parent
// tells it to, when the control channel ends, or by its watchdog. It imports no Redis client and no
// rxjs: each would cost every start 100 ms.
import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { encodeChildMessage } from './child-message.js';
import { createRuntime } from './child-runtime.js';
import { ExecutorChild } from './executor-child.js';
import { FrameReader } from './frames.js';
import { Gate } from './gate.js';
import { JournalWriter } from './journal.js';
import { decodeParentMessage } from './parent-message.js';
import { channelGone, descriptors, type Hello, type ParentMessage } from './protocol.js';
import { Reporter } from './reporter.js';
import { serializeError } from './serialize-error.js';
import { startWatchdog } from './watchdog.js';

const pause = new Int32Array(new SharedArrayBuffer(4));
const exit = process.exit.bind(process);

// Writes everything before it returns. A handler may call process.exit() or loop for ever in its
// next line, and what it has returned must count. When the parent is slow the child waits here,
// which also keeps a chatty child from outrunning it.
const send = (bytes: Buffer, end = bytes.length, onWait?: () => void): void => {
  let at = 0;
  while (at < end) {
    try {
      // `undefined` for 0: Node checks a number at some length.
      at += writeSync(descriptors.control, bytes, at === 0 ? undefined : at, end - at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // The channel is gone, and with it the parent or its trust: there is nobody to tell.
      if (code !== 'EAGAIN') exit(channelGone);
      onWait?.();
      Atomics.wait(pause, 0, 0, 1);
    }
  }
};

const boot = async (hello: Hello): Promise<ExecutorChild | null> => {
  const gate = new Gate();
  const { leaseMs } = hello;
  if (hello.hasWatchdog)
    startWatchdog({ fd: descriptors.watchdog, leaseMs, gate, token: hello.token });
  const token = Buffer.from(hello.token, 'hex');
  let child: ExecutorChild | null = null;
  const crashed = (error: unknown): void => {
    if (child) {
      child.crashed(error);
      return;
    }
    const { message, stack } = serializeError(error);
    send(encodeChildMessage({ kind: 'failedToLoad', message, detail: stack }, token));
  };
  process.on('uncaughtException', crashed);
  process.on('unhandledRejection', crashed);
  process.on('exit', () => child?.lastWords());
  try {
    const runtime = await createRuntime(hello.bootModule, hello.modules, hello.config);
    const journal = hello.hasJournal ? new JournalWriter(descriptors.journal) : null;
    const { maxResultBytes, maxMetaBytes } = hello;
    const reporter = new Reporter(token, send, journal);
    const leave = () => exit(0);
    child = new ExecutorChild({ runtime, reporter, gate, maxResultBytes, maxMetaBytes, leave });
    const handlers = runtime.handlers.names();
    send(encodeChildMessage({ kind: 'ready', clockMs: performance.now(), handlers }, token));
    return child;
  } catch (error) {
    crashed(error);
    return null;
  }
};

const waiting: ParentMessage[] = [];
let child: ExecutorChild | null = null;

const receive = (message: ParentMessage): void => {
  if (message.kind === 'hello') {
    void boot(message).then((booted) => {
      child = booted;
      for (const early of waiting.splice(0)) child?.receive(early);
    });
  } else if (child) child.receive(message);
  else waiting.push(message);
};

const reader = new FrameReader(2 ** 31);
const read = (length: number): boolean => {
  for (const frame of reader.push(chunk.subarray(0, length))) receive(decodeParentMessage(frame));
  return true;
};
// Read into the same bytes each time and past the streams, which would cost a third of a short job.
const chunk = Buffer.allocUnsafeSlow(64 * 1024);
const onread = { buffer: chunk, callback: read };
const options = { fd: descriptors.control, readable: true, writable: false, onread };
const control = new Socket(options);
control.on('end', () => exit(channelGone)).on('error', () => exit(channelGone));
control.resume();
