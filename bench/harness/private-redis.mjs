import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CannotRunError } from './cannot-run-error.mjs';

/** Starts a redis-server of our own, without persistence → { url, stop }. Throws when the machine has none. */
export async function startPrivateRedis() {
  const directory = mkdtempSync(join(tmpdir(), 'rxrq-bench-'));
  const port = await freePort();
  const settings = { port, bind: '127.0.0.1', dir: directory, save: '', appendonly: 'no' };
  const server = spawn(
    'redis-server',
    Object.entries(settings).flatMap(([key, value]) => [`--${key}`, String(value)]),
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const remove = () => {
    server.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await accepting(server);
  } catch (cause) {
    remove();
    throw new CannotRunError(
      `no redis-server could be started (${cause.message}): install one, or set REDIS_URL to a database of its own`,
      { cause },
    );
  }
  process.once('exit', remove);
  return { url: `redis://127.0.0.1:${port}/0`, stop: remove };
}

async function accepting(server) {
  const failed = once(server, 'exit').then(([code]) => {
    throw new Error(`redis-server ended with code ${code}`);
  });
  const listening = new Promise((resolve) => {
    server.stdout.setEncoding('utf8').on('data', (text) => {
      if (text.includes('Ready to accept connections')) resolve();
    });
  });
  await Promise.race([listening, failed]);
  failed.catch(() => undefined);
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}
