import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, describe, expect, it } from '@jest/globals';
import type { Settled } from '../../src/actors/recorder.js';
import { WebhookSender } from '../../src/actors/webhook-sender.js';
import { until } from '../support/until.js';
import { claimed } from './support/jobs.js';

const settled = (count: number, url = 'http://receiver/done?key=secret'): Settled => {
  const webhook = {
    url,
    on: 'finished',
    method: 'POST',
    headers: { 'X-Key': 'k' },
    timeoutMs: 60_000,
  } as const;
  const webhooks = Array.from({ length: count }, () => webhook);
  const job = claimed({ afterwards: { callbacks: null, webhooks, problems: [] } });
  return { job, outcome: { kind: 'returned', result: null }, verdict: 'finished', tookMs: 1 };
};

const makeSender = () => {
  const told: string[] = [];
  const pending: Array<(response: Response) => void> = [];
  const bodies: string[] = [];
  const send = (_: unknown, { body, signal }: RequestInit = {}): Promise<Response> => {
    bodies.push(String(body));
    return new Promise((resolve, reject) => {
      pending.push(resolve);
      const abort = () => reject(new Error('aborted'));
      if (signal?.aborted) abort();
      signal?.addEventListener('abort', abort);
    });
  };
  const sender = new WebhookSender((error) => told.push(String(error)), send as typeof fetch);
  return { sender, told, pending, bodies };
};

it('sends sixteen at a time, keeps a thousand waiting, and tells of the rest', async () => {
  const { sender, told, pending } = makeSender();
  for (let jobs = 0; jobs < 51; jobs++) sender.settled(settled(20));
  expect(pending).toHaveLength(16);
  expect(told).toHaveLength(51 * 20 - 1_000 - 16);
  expect(told[0]).toMatch(/Webhook http:\/\/receiver\/done of job \S+ failed: 1000 others wait/);
  pending.shift()?.(new Response('ok'));
  await until('the next is sent', () => pending.length === 16);
});

it('gives what is under way a moment when its worker leaves, and tells what was not sent', async () => {
  const { sender, told } = makeSender();
  sender.settled(settled(18));
  await sender.leave();
  expect(told).toHaveLength(18);
  expect(told.every((text) => text.endsWith('failed: the worker left'))).toBe(true);
});

describe('a request', () => {
  // `fetch` refuses these; RQ does not.
  const blocked = [10080, 6697, 6669, 6668, 6667, 6666, 6665, 6566, 6000];
  const servers: Server[] = [];
  const listen = async (port: number): Promise<boolean> => {
    const server = createServer((request, response) => {
      received.push(`${request.method} ${request.url} ${request.headers['x-key']}`);
      response.end('ok');
    });
    servers.push(server);
    server.listen(port, '127.0.0.1');
    return once(server, 'listening').then(
      () => true,
      () => false,
    );
  };
  const received: string[] = [];
  afterAll(() => {
    for (const server of servers) server.close();
  });

  it('goes to ports that no browser would speak to', async () => {
    let port = 0;
    for (const candidate of blocked) if (port === 0 && (await listen(candidate))) port = candidate;
    const told: string[] = [];
    const sender = new WebhookSender((error) => told.push(String(error)));
    sender.settled(settled(1, `http://127.0.0.1:${port}/done?a=b`));
    await until('it was received', () => received.length > 0 || told.length > 0);
    await sender.leave();
    expect([received, told]).toEqual([['POST /done?a=b k'], []]);
  });

  it('that is refused says so, and nothing of its query', async () => {
    const told: string[] = [];
    const sender = new WebhookSender((error) => told.push(String(error)));
    sender.settled(settled(1, 'http://127.0.0.1:1/x?k=s3cret'));
    await until('it was told', () => told.length > 0);
    expect(told).toEqual([
      expect.stringMatching(/127.0.0.1:1\/x of job \S+ failed: connect ECONNREFUSED 127.0.0.1:1$/),
    ]);
  });

  it('that is refused at each address says so', async () => {
    const told: string[] = [];
    const errors = ['::1', '127.0.0.1'].map((at) => new Error(`connect ECONNREFUSED ${at}:1`));
    const send = () => Promise.reject(new AggregateError(errors));
    new WebhookSender((error) => told.push(String(error)), send).settled(settled(1));
    await until('it was told', () => told.length > 0);
    expect(told[0]).toMatch(/: connect ECONNREFUSED ::1:1, connect ECONNREFUSED 127.0.0.1:1$/);
  });

  it('that is cut off says so', async () => {
    const server = createServer(({ socket }) => socket.destroy());
    servers.push(server);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const told: string[] = [];
    const sender = new WebhookSender((error) => told.push(String(error)));
    sender.settled(settled(1, `http://127.0.0.1:${(server.address() as AddressInfo).port}/`));
    await until('it was told', () => told.length > 0);
    expect(told).toEqual([expect.stringMatching(/failed: socket hang up$/)]);
  });
});

it('sends nothing for a job that is to run again, or was lost', () => {
  const { sender, pending } = makeSender();
  for (const verdict of ['retried', 'lost', 'quarantined', 'stopped', 'canceled'] as const)
    sender.settled({ ...settled(1), verdict });
  expect(pending).toHaveLength(0);
});
