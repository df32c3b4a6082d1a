// The warden's process: it ends the process groups of executor children that have lost their worker. It reads from the
// worker, a line each, `+pid`, `-pid`, and an empty one as a sign of life. Children have no way to it but signals.
import { killGroup } from './kill-group.js';

// Whoever signals the whole service means the worker. This ends with it.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);

const leaseMs = Number(process.argv[2]);
const groups = new Set<number>();
let beatAtMs = performance.now();
let isSuspect = false;
let rest = '';

const endAll = (): void => {
  for (const pid of groups) {
    try {
      killGroup(pid);
    } catch {
      // One that we may not end must not keep us from the others; and there is nobody left to tell.
    }
  }
  groups.clear();
};

process.stdin.setEncoding('latin1').on('data', (text: string) => {
  beatAtMs = performance.now();
  const lines = (rest + text).split('\n');
  rest = lines.pop() as string;
  for (const line of lines) {
    const pid = Number(line.slice(1));
    if (line.startsWith('+')) groups.add(pid);
    else if (line.startsWith('-')) groups.delete(pid);
  }
});
const leave = (): void => {
  endAll();
  process.exit(0);
};
process.stdin.on('end', leave).on('error', leave);

// A late sign is believed only on the second look: after everything was stopped and continued, the clock has run on while the
// signs still wait unread in the pipe.
setInterval(
  () => {
    const isLate = performance.now() - beatAtMs > 0.8 * leaseMs;
    if (isLate && isSuspect) endAll();
    isSuspect = isLate;
  },
  Math.max(10, leaseMs / 10),
);
