import {
  createServer,
  type IncomingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Settled } from '../../src/actors/recorder.js';
import { type WebhookHosts, webhookFilter } from '../../src/actors/webhook-hosts.js';
import { requestStatus } from '../../src/actors/webhook-request.js';
import { WebhookSender } from '../../src/actors/webhook-sender.js';
import { decodeWebhooks } from '../../src/redis/webhooks.js';
import { until } from '../support/until.js';

let server: Server;
let origin: string;
let seen: string[];
let headers: IncomingHttpHeaders;
let answer: (response: ServerResponse) => void;
const troubles: string[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    seen.push(request.url ?? '');
    headers = request.headers;
    answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  seen = [];
  troubles.length = 0;
});

const sendTo = (webhook: Record<string, unknown>, hosts: WebhookHosts = 'all'): WebhookSender => {
  const { webhooks } = decodeWebhooks(JSON.stringify([{ job_status: 'finished', ...webhook }]));
  const sender = new WebhookSender(
    (error) => troubles.push((error as Error).message),
    requestStatus,
    webhookFilter(hosts),
  );
  const job = { jobId: 'j', data: Buffer.from('["f",null,[],{}]'), enqueuedAt: '' };
  sender.settled({
    job: { ...job, afterwards: { callbacks: {}, webhooks, problems: [] } },
    outcome: { kind: 'returned', result: null },
    verdict: 'finished',
  } as unknown as Settled);
  return sender;
};

describe('S20: webhooks', () => {
  it('S20: follow no redirect, whereto it may point', async () => {
    answer = (response) => response.writeHead(302, { Location: `${origin}/inside` }).end();
    const sender = sendTo({ url: `${origin}/hook?token=s3cret` });
    await until('it was told', () => troubles.length === 1);
    await sender.leave();
    expect(seen).toEqual(['/hook?token=s3cret']);
    expect(troubles[0]).toContain('it answered 302');
    expect(troubles[0]).not.toContain('s3cret');
  });

  it('S20: do not read an answer without end', async () => {
    let isClosed = false;
    answer = (response) => {
      response.on('close', () => {
        isClosed = true;
      });
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      };
      response.on('drain', more);
      more();
    };
    // By its reader, that is, and not by the time limit.
    const sender = sendTo({ url: origin, timeout: 300 });
    await until('the answer was cut off', () => isClosed);
    await sender.leave();
    expect(troubles).toEqual([]);
  });

  it('S20: have a time limit', async () => {
    answer = () => undefined;
    const sender = sendTo({ url: origin, timeout: 1 });
    await until('it was told', () => troubles.length === 1);
    expect(troubles[0]).toMatch(/timeout/i);
    await sender.leave();
  });

  it('S20: keep it when the garbage collector runs', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    answer = () => undefined;
    const sender = sendTo({ url: origin, timeout: 1 });
    await until('it was sent', () => seen.length === 1);
    collect();
    await until('it was told', () => {
      collect();
      return troubles.length === 1;
    });
    expect(troubles[0]).toMatch(/timeout/i);
    await sender.leave();
  });

  it.each([301, 2 ** 22, Number.MAX_SAFE_INTEGER])(
    'S20: have one of five minutes, whatever the job says: %d s',
    async (timeout) => {
      answer = (response) => response.end();
      const given = jest.spyOn(AbortSignal, 'timeout');
      const sender = sendTo({ url: origin, timeout });
      await until('it was sent', () => seen.length === 1);
      await sender.leave();
      expect(given.mock.calls).toEqual([[300_000]]);
      given.mockRestore();
      expect(troubles).toEqual([]);
    },
  );

  it.each<[WebhookHosts]>([['none'], [[]], [['127.0.0.1:1', 'localhost', '0.0.1']]])(
    'S20: go only where the worker allows it: %j',
    async (hosts) => {
      const sender = sendTo({ url: `${origin}/hook?token=s3cret` }, hosts);
      await sender.leave();
      expect(seen).toEqual([]);
      expect(troubles).toEqual([
        `Webhook ${origin}/hook of job j failed: the worker's option webhooks does not allow this host`,
      ]);
    },
  );

  it.each([
    ['http://a.example/', true],
    ['https://A.EXAMPLE:8443/x', true],
    ['http://a.example@b.example/', false],
    ['http://a.example.b.example/', false],
    ['http://x.a.example/', false],
    ['http://b.example/', false],
    ['http://b.example:80/', false],
    ['https://b.example/', true],
    ['http://b.example:443/', true],
    ['http://[0:0::1]:5/', true],
    ['http://0x7f.1/', true],
  ])('S20: are compared as URLs are read: %s', (url, isAllowed) => {
    const isTo = webhookFilter(['a.example', 'B.example:443', '[::1]', '127.0.0.1']);
    expect(isTo(new URL(url))).toBe(isAllowed);
  });

  it('S20: tell nothing of what their URL holds beside the address', async () => {
    answer = (response) => response.end();
    const { host } = new URL(origin);
    const sender = sendTo({ url: `http://user:s3cret@${host}/hook?token=s3cret` });
    await until('it was told', () => troubles.length === 1);
    await sender.leave();
    expect(seen).toEqual([]);
    expect(troubles[0]).toMatch(/holds a user or a password/);
    expect(troubles[0]).not.toContain('s3cret');
  });

  it.each([
    ['Transfer-Encoding', 'chunked'],
    ['content-length', '3'],
    ['Upgrade', 'websocket'],
    ['Expect', '100-continue'],
    ['Connection', 'keep-alive'],
  ])('S20: do not let a job say how they are sent: %s', async (name, value) => {
    answer = (response) => response.end();
    const sender = sendTo({
      url: origin,
      method: 'POST',
      headers: { [name]: value, 'X-Mine': '1' },
    });
    await until('it was sent', () => seen.length === 1);
    await sender.leave();
    expect(headers).toMatchObject({ 'x-mine': '1', connection: 'close' });
    expect(headers['content-length']).toMatch(/^\d{2,}$/);
    for (const other of ['transfer-encoding', 'upgrade', 'expect'])
      expect(headers).not.toHaveProperty(other);
    expect(troubles).toEqual([]);
  });

  it.each(['file:///etc/passwd', 'ftp://x/', 'javascript:1', 'data:,x', '//x', 7, null])(
    'S20: go nowhere for the URL %j',
    (url) => {
      const { webhooks, problems } = decodeWebhooks(
        JSON.stringify([{ url, job_status: 'finished' }]),
      );
      expect(webhooks).toEqual([]);
      expect(problems).toHaveLength(1);
    },
  );
});
