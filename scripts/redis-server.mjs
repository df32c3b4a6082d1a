// @ts-check
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endWithUs } from './guard.mjs';

/**
 * A redis-server of our own: on the loopback only, in its own temporary directory, keeping nothing
 * unless `args` say so. It never outlives this process.
 */
export class RedisServer {
  /** @type {import('node:child_process').ChildProcess | undefined} */ #child;
  #port = 0;
  #args;
  #binary;
  #directory = mkdtempSync(join(tmpdir(), 'rxrq-redis-'));

  /** @param {{ args?: readonly string[], binary?: string }} [options] `args` come after, and override, ours */
  constructor({ args = [], binary = 'redis-server' } = {}) {
    this.#args = args;
    this.#binary = binary;
  }

  /** @param {{ args?: readonly string[], binary?: string }} [options] */
  static async start(options) {
    const server = new RedisServer(options);
    await server.#startOnFreePort();
    return server;
  }

  get port() {
    return this.#port;
  }

  get url() {
    return `redis://127.0.0.1:${this.#port}`;
  }

  /** The process id, or undefined while the server is down. */
  get pid() {
    return this.#child?.pid;
  }

  /** Ends the process and resolves when it is gone; SIGKILL by default. The directory stays for `restart`. */
  async kill(/** @type {NodeJS.Signals} */ signal = 'SIGKILL') {
    const child = this.#child;
    if (!child) return;
    const gone = once(child, 'exit');
    // While it runs it must not keep us alive; while we wait for its end it must.
    child.ref();
    child.kill(signal);
    // A frozen server keeps SIGTERM pending until it is thawed: without this we would wait for ever.
    if (signal !== 'SIGKILL') child.kill('SIGCONT');
    await gone;
  }

  /** Stops every thread of the server: connections stay open and nothing answers. */
  freeze() {
    this.#child?.kill('SIGSTOP');
  }

  thaw() {
    this.#child?.kill('SIGCONT');
  }

  /** Starts again on the same port and directory, after a SIGKILL if it was still up. */
  async restart() {
    await this.kill();
    await this.#start();
  }

  /** Ends the server for good and removes its directory. */
  async stop() {
    await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #startOnFreePort() {
    // Between finding a free port and binding it somebody else may take it: then look again.
    for (let attemptsLeft = 5; ; attemptsLeft -= 1) {
      this.#port = await freePort();
      try {
        return await this.#start();
      } catch (error) {
        const taken = /address already in use/i.test(String(error));
        if (taken && attemptsLeft > 1) continue;
        rmSync(this.#directory, { recursive: true, force: true });
        throw error;
      }
    }
  }

  async #start() {
    const args = [
      ...['--port', String(this.#port), '--bind', '127.0.0.1', '--dir', this.#directory],
      ...['--save', '', '--appendonly', 'no', '--databases', '64', '--daemonize', 'no'],
      ...this.#args,
    ];
    // Detached: Ctrl-C in the terminal is answered by us, after the clients have ended.
    const child = spawn(this.#binary, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    this.#child = child;
    await once(child, 'spawn');
    const release = endWithUs(/** @type {number} */ (child.pid), this.#directory);
    child.once('exit', () => {
      release();
      if (this.#child === child) this.#child = undefined;
    });
    await ready(child);
    child.unref();
  }
}

/** @param {import('node:child_process').ChildProcess} child */
function ready(child) {
  return new Promise((resolve, reject) => {
    let log = '';
    const read = (/** @type {Buffer} */ chunk) => {
      log = (log + chunk).slice(-8_000);
      if (log.includes('Ready to accept connections')) resolve(undefined);
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    for (const output of [child.stdout, child.stderr]) {
      /** @type {import('node:net').Socket} */ (output).unref();
    }
    child.once('exit', (code, signal) => {
      reject(new Error(`redis-server ended with ${signal ?? code} before it was ready:\n${log}`));
    });
  });
}

/** @returns {Promise<number>} */
async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (probe.address());
  probe.close();
  await once(probe, 'close');
  return port;
}
