// @ts-check
import { spawn } from 'node:child_process';

/**
 * Ties a process (or, with a negative id, a process group) to the life of this one.
 *
 * A tiny shell waits on a pipe whose other end only we hold. However we end, even by SIGKILL when no
 * exit handler runs, the pipe closes, and the shell kills the process and removes its directory.
 *
 * @param {number} pid
 * @param {string} [directory] removed after the kill
 * @returns {() => void} lets the process go, to be called once it has ended, before its id is reused
 */
export function endWithUs(pid, directory) {
  const script =
    'read -r _; kill -s KILL -- "$1" 2>/dev/null; if [ -n "$2" ]; then sleep 0.1; rm -rf -- "$2"; fi';
  // Detached: a Ctrl-C in the terminal must not end the guard before the one it guards against.
  const guard = spawn('/bin/sh', ['-c', script, 'guard', String(pid), directory ?? ''], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  guard.unref();
  const pipe = /** @type {import('node:net').Socket} */ (guard.stdin);
  pipe.unref();
  return () => {
    guard.kill('SIGKILL');
  };
}
