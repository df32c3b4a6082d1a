import { expect, it } from '@jest/globals';
import type { Settled } from '../../src/actors/recorder.js';
import { WebhookSender } from '../../src/actors/webhook-sender.js';
import { until } from '../support/until.js';
import { claimed } from './support/jobs.js';

const settled = (count: number): Settled => {
  const webhook = {
    url: 'http://receiver/done?key=secret',
    on: 'finished',
    method: 'POST',
    headers: {},
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

it('sends nothing for a job that is to run again, or was lost', () => {
  const { sender, pending } = makeSender();
  for (const verdict of ['retried', 'lost', 'quarantined', 'stopped', 'canceled'] as const)
    sender.settled({ ...settled(1), verdict });
  expect(pending).toHaveLength(0);
});
