import { Worker } from 'node:worker_threads';
import type { Gate } from './gate.js';

export interface WatchdogOptions {
  readonly fd: number;
  readonly leaseMs: number;
  readonly gate: Gate;
  /** The token of the frames, 32 hex digits. */
  readonly token: string;
}

/** How often the parent shows that it lives. */
export const beatEveryMs = (leaseMs: number): number => Math.min(1_000, leaseMs / 4);

/** What the parent writes to the watchdog's pipe. */
export const watchdogBytes = { beat: 0x62, closeGate: 0x67 } as const;

// As text, because a thread that loads a file costs a module loader; this one costs 8 ms of CPU.
// A late beat is believed only on the second look: after the whole group was stopped and continued,
// the clock has run on while the beats still wait unread in the pipe.
const script = `
const { workerData: { fd, leaseMs, word, token, pid } } = require('node:worker_threads');
const { Socket } = require('node:net');
const end = () => {
  try { process.kill(-pid, 'SIGKILL'); } catch { process.kill(pid, 'SIGKILL'); }
};
const pipe = new Socket({ fd, readable: true, writable: true });
let beatAtMs = performance.now();
let isSuspect = false;
pipe.on('data', (bytes) => {
  beatAtMs = performance.now();
  if (!bytes.includes(${watchdogBytes.closeGate})) return;
  const json = JSON.stringify({ begun: Atomics.or(word, 0, 1) >>> 1 });
  const frame = Buffer.alloc(24 + json.length);
  frame.writeUInt32LE(20 + json.length, 0);
  frame.write(token, 4, 'hex');
  frame.writeUInt32LE(json.length, 20);
  frame.write(json, 24);
  pipe.write(frame);
});
pipe.on('end', end).on('error', end).on('close', end);
setInterval(() => {
  const isLate = performance.now() - beatAtMs > 0.8 * leaseMs;
  if (isLate && isSuspect) end();
  isSuspect = isLate;
}, Math.max(10, leaseMs / 10));
`;

/**
 * Starts the thread that ends this process, and its whole process group, with SIGKILL when its
 * parent is gone (the pipe ends) or frozen (no byte for `leaseMs`). It works while the main thread
 * is in an endless loop, which is why it is a thread. It also closes the gate for the parent.
 */
export const startWatchdog = ({ fd, leaseMs, gate, token }: WatchdogOptions): void => {
  const worker = new Worker(script, {
    eval: true,
    execArgv: [],
    workerData: { fd, leaseMs, word: gate.word, token, pid: process.pid },
  });
  // Without its watchdog a child could outlive its worker unseen, so it does not go on.
  worker.on('error', (error) => {
    process.stderr.write(`The watchdog failed: ${String(error)}\n`);
    process.exit(70);
  });
  worker.unref();
};
