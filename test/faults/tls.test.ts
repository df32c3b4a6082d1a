import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RedisAddress } from '../../src/redis/connection.js';
import { Rq } from '../../src/streams/rq.js';
import { selfSigned, tlsArgs } from '../support/certificate.js';
import { LossyProxy } from '../support/lossy-proxy.js';
import { startPrivateRedis } from '../support/redis.js';
import { until } from '../support/until.js';
import { asUser } from '../support/users.js';
import { Scene } from './support/scene.js';

let directory: string;
let scene: Scene;
let proxy: LossyProxy;
let address: RedisAddress;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'rxrq-tls-faults-'));
  const certificate = selfSigned(directory);
  // A server that is gone leaves a port that is free.
  const probe = await startPrivateRedis();
  await probe.stop();
  scene = await Scene.open({ narrowLeaseMs: 3_000 }, tlsArgs(probe.port, certificate));
  proxy = await LossyProxy.start(probe.port);
  const tls = { ca: readFileSync(certificate.cert, 'utf8') };
  address = { host: '127.0.0.1', port: Number(new URL(proxy.url).port), tls };
});
afterEach(async () => {
  await scene.close();
  await proxy.stop();
  rmSync(directory, { recursive: true, force: true });
});

describe('the network under TLS', () => {
  it('F61: cuts connections at any moment, in the middle of their handshakes too: no job is lost, nobody ends', async () => {
    const { username, password } = new URL(asUser(scene.server.url, 'worker'));
    const url = { ...(address as object), username, password };
    const victim = await scene.worker({ url, isolation: 'inline', concurrency: 4 });
    const rq = new Rq({ url, wire: scene.wire, enqueueDeadlineMs: 60_000 });
    // So slow that most cuts come before a connection is up.
    proxy.mode = { kind: 'trickle', bytes: 200, everyMs: 1 };
    let cuts = 0;
    const calm = (): void => {
      clearInterval(cutting);
      proxy.mode = { kind: 'pass' };
    };
    const cutting = setInterval(() => {
      proxy.cutAll();
      // On a slow machine none might ever come up.
      cuts += 1;
      if (cuts === 100) calm();
    }, 120);
    try {
      const jobs = await Promise.all(
        Array.from({ length: 60 }, () => rq.queue('default').enqueue('handlers.note')),
      );
      calm();
      await scene.drained(['default']);
      const ids = jobs.map(({ id }) => id);
      expect(await scene.outcome(ids)).toMatchObject({ lost: 0, twice: 0, foreign: 0 });
      await until('they are all known to have ended', async () =>
        (await rq.fetchMany(ids)).every((job) => job?.status === 'finished'),
      );
      victim.signal('SIGTERM');
      expect(await victim.end()).toBe(0);
      expect(victim.stderr).not.toMatch(/SSL|Unhandled|uncaught/i);
    } finally {
      clearInterval(cutting);
      await rq.close();
    }
  }, 90_000);
});
