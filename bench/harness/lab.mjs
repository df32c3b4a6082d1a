import { startParticipant } from './participant.mjs';
import { watchFinished } from './watch-finished.mjs';

/**
 * One measurement's bench: an emptied database, a queue name never used before, and the processes
 * started for it, which are all ended with it.
 */
export class Lab {
  #participants = [];
  #ended = false;

  constructor({ database, adapter, queue, scale }) {
    this.client = database.client;
    this.target = database.target;
    this.adapter = adapter;
    this.queue = queue;
    this.scale = scale;
  }

  /** A fresh process with this measurement's library. */
  async spawn(role) {
    // A measurement that ran out of time goes on in the background until it notices.
    if (this.#ended) throw new Error('this measurement is over');
    const participant = startParticipant(this.adapter.name, role);
    this.#participants.push(participant);
    return participant;
  }

  async producer(params = {}) {
    const producer = await this.spawn('producer');
    await producer.call('open', { redis: this.target, queue: this.queue, ...params });
    return producer;
  }

  async worker(params) {
    const worker = await this.spawn('worker');
    const defaults = { queues: [this.queue], isolation: 'inline', prefetch: 0, events: false };
    await worker.call('start', { redis: this.target, ...defaults, ...params });
    return worker;
  }

  /** Enqueues `count` jobs by a process of its own, which is gone afterwards. */
  async fill(count, params) {
    const producer = await this.producer(params);
    await producer.call('fill', { count });
    await producer.kill();
  }

  watchFinished(worker, goal) {
    const finished = this.adapter.finishedCount(this.queue);
    return watchFinished({ client: this.client, worker, finished, ...goal });
  }

  /** Fills the queue, starts a worker and measures how fast the jobs end. */
  async drain({ jobs, warmUp = Math.ceil(jobs * 0.15), pollMs, ...params }) {
    const total = this.scale(jobs);
    await this.fill(total);
    const worker = await this.worker(params);
    const drained = await this.watchFinished(worker, {
      warmUp: Math.min(this.scale(warmUp), total - 1),
      total,
      ...(pollMs && { pollMs }),
    });
    await worker.kill();
    return drained;
  }

  endNow() {
    for (const participant of this.#participants) participant.killNow();
  }

  async end() {
    this.#ended = true;
    await Promise.all(this.#participants.map((participant) => participant.kill()));
  }
}
