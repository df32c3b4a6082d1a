import { cpuReading } from '../harness/cpu-reading.mjs';
import { monotonicMs } from '../harness/monotonic-ms.mjs';
import { payload } from './payload.mjs';

const fillBatch = 1000;

/** Enqueues. Each way of enqueueing answers with its time and this process's CPU time. */
export function play(adapter) {
  let producer;
  return {
    async open(params) {
      producer = await adapter.openProducer(params);
    },
    fill: ({ count }) => bulk(producer, count, fillBatch),
    awaited: ({ count }) => timed(() => oneByOne(producer, count)),
    inFlight: ({ count, width }) => timed(() => severalAtOnce(producer, count, width)),
    bulk: ({ count, batch }) => timed(() => bulk(producer, count, batch)),
    spaced: ({ count, gapMs }) => spaced(producer, count, gapMs),
    close: () => producer.close().then(() => undefined),
  };
}

async function timed(work) {
  const before = cpuReading();
  await work();
  const after = cpuReading();
  return { elapsedMs: after.atMs - before.atMs, cpuUs: after.cpuUs - before.cpuUs };
}

async function oneByOne(producer, count) {
  for (let sent = 0; sent < count; sent += 1) await producer.enqueue(payload());
}

// A steady number in flight, as a server under load has, and not waves of `width`.
async function severalAtOnce(producer, count, width) {
  let sent = 0;
  const lane = async () => {
    while (sent < count) {
      sent += 1;
      await producer.enqueue(payload());
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
}

async function bulk(producer, count, batch) {
  for (let sent = 0; sent < count; sent += batch) {
    const size = Math.min(batch, count - sent);
    await producer.enqueueMany(Array.from({ length: size }, payload));
  }
}

// Every job carries when it was handed to the library. The gap varies by half of itself, so that no
// library's own timers fall in step with it.
async function spaced(producer, count, gapMs) {
  const pending = [];
  let dueMs = monotonicMs();
  for (let sent = 0; sent < count; sent += 1) {
    dueMs += gapMs * (0.5 + Math.random());
    const waitMs = dueMs - monotonicMs();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    pending.push(producer.enqueue({ ...payload(), sentMs: monotonicMs() }));
  }
  await Promise.all(pending);
}
