import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { requestStatus } from '../../src/actors/webhook-request.js';
import { bootWorker, Rq } from '../../src/index.js';
import { DiscreetRedis } from '../../src/redis/discreet-redis.js';
import { runHere } from '../cli/support/fake-io.js';
import { selfSigned, tlsArgs } from '../support/certificate.js';
import { startPrivateRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const handlers = fileURLToPath(new URL('./fixtures/handlers.js', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'rxrq-tls-'));
const file = (name: string): string => join(directory, name);

let server: Awaited<ReturnType<typeof startPrivateRedis>>;
let port: number;

beforeAll(async () => {
  const certificate = selfSigned(directory);
  // The port that the harness looks at stays plain; a plain server finds the one for TLS.
  const probe = await startPrivateRedis();
  port = probe.port;
  await probe.stop();
  server = await startPrivateRedis({ args: tlsArgs(port, certificate) });
});
afterAll(async () => {
  await server?.stop();
  rmSync(directory, { recursive: true, force: true });
});

describe('S26: TLS', () => {
  it('S26: serves a producer and a worker that know the certificate', async () => {
    const url = { host: '127.0.0.1', port, tls: { ca: readFileSync(file('cert.pem')) } };
    const worker = await bootWorker({ url, handlers, isolation: 'inline', handleSignals: false });
    const rq = new Rq({ url });
    const job = await rq.queue().enqueue('handlers.add', 1, 2);
    expect(await job.result({ timeoutMs: 10_000 })).toBe(3);
    await rq.close();
    await worker.stop();
  });

  it('S26: refuses a certificate that nobody vouches for, and says so', async () => {
    const shown = await runHere(`rediss://user:hunter2@127.0.0.1:${port}`, 'info');
    expect(shown.code).toBe(3);
    expect(shown.stderr).toMatch(/self.signed certificate/);
    expect(shown.stderr + shown.stdout).not.toContain('hunter2');
    const rq = new Rq({ url: `rediss://127.0.0.1:${port}`, enqueueDeadlineMs: 300 });
    await expect(rq.queue().enqueue('handlers.add', 1, 2)).rejects.toThrow('Redis');
    await rq.close();
  });

  it('S26: a connection that is closed within its handshake may fail twice, and ends nothing', async () => {
    const redis = new DiscreetRedis({ host: '127.0.0.1', port, tls: {}, lazyConnect: true });
    redis.on('error', () => undefined);
    const connecting = redis.connect();
    await until('there is a socket', () => redis.stream);
    redis.disconnect();
    // Node tells of the certificate, and then of what the server said to the end of the handshake.
    redis.stream.emit('error', new Error('self-signed certificate'));
    redis.stream.emit('error', new Error('tlsv1 alert decode error'));
    await expect(connecting).rejects.toThrow('closed');
  });

  it('S26: shows a certificate of its own to a server that wants one', async () => {
    const admin = new Rq({ url: server.url });
    const set = (...settings: string[]) => admin.redis.call('CONFIG', 'SET', ...settings);
    await set('tls-ca-cert-file', file('cert.pem'), 'tls-auth-clients', 'yes');
    const [ca, key] = ['cert.pem', 'key.pem'].map((name) => readFileSync(file(name)));
    const enqueueOver = async (tls: object): Promise<string> => {
      const rq = new Rq({ url: { host: '127.0.0.1', port, tls }, enqueueDeadlineMs: 1_000 });
      try {
        return (await rq.queue().enqueue('handlers.add', 1, 2)).id;
      } finally {
        await rq.close();
      }
    };
    try {
      await expect(enqueueOver({ ca })).rejects.toThrow('Redis');
      expect(await enqueueOver({ ca, cert: ca, key })).toMatch(/^[0-9a-f-]{36}$/);
    } finally {
      await set('tls-auth-clients', 'no');
      await admin.close();
    }
  });

  it('S26: does not go on without TLS where the server speaks plain', async () => {
    const shown = await runHere(`rediss://127.0.0.1:${server.port}`, 'info');
    expect(shown.code).toBe(3);
  });

  it('S26: sends no webhook to a receiver for whose certificate nobody vouches', async () => {
    const [key, cert] = [readFileSync(file('key.pem')), readFileSync(file('cert.pem'))];
    let asked = 0;
    const receiver = createServer({ key, cert }, (_, response) => {
      asked += 1;
      response.end();
    });
    await once(receiver.listen(0, '127.0.0.1'), 'listening');
    const url = `https://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
    const signal = AbortSignal.timeout(10_000);
    await expect(
      requestStatus(url, { method: 'GET', headers: {}, body: null, signal }),
    ).rejects.toThrow(/self-signed certificate/);
    expect(asked).toBe(0);
    receiver.close();
  });
});
