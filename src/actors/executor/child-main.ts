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
const send = (bytes: Buffer): void => {
  let at = 0;
  while (at < bytes.length) {
    try {
      at += writeSync(descriptors.control, bytes, at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN') Atomics.wait(pause, 0, 0, 1);
      // The channel is gone, and with it the parent or its trust: there is nobody to tell.
      else exit(channelGone);
    }
  }
};

const boot = async (hello: Hello): Promise<ExecutorChild | null> => {
  const gate = new Gate();
  startWatchdog({ fd: descriptors.watchdog, leaseMs: hello.leaseMs, gate, token: hello.token });
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
const control = new Socket({ fd: descriptors.control, readable: true, writable: false });
control.on('data', (chunk: Buffer) => {
  for (const frame of reader.push(chunk)) receive(decodeParentMessage(frame));
});
control.on('end', () => exit(channelGone)).on('error', () => exit(channelGone));
