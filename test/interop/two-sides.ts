import type { Redis } from 'ioredis';
import { type BootOptions, bootWorker, Rq, type RunningWorker } from '../../src/index.js';
import type { PythonRqVersion } from '../support/python.js';
import { freshRedis } from '../support/redis.js';
import { PythonHand } from './python-hand.js';

/** Our side and Python's on one empty database. */
export class TwoSides {
  private readonly workers = new Set<RunningWorker>();

  private constructor(
    readonly url: string,
    readonly redis: Redis,
    readonly rq: Rq,
    readonly python: PythonHand,
    private readonly closeRedis: () => Promise<void>,
  ) {}

  static async meet(version: PythonRqVersion): Promise<TwoSides> {
    const { url, client, close } = await freshRedis();
    return new TwoSides(url, client, new Rq({ url }), PythonHand.start(version, url), close);
  }

  /** A worker with the handlers of fixtures/nodejobs.js. */
  async boot(options: Partial<BootOptions> = {}): Promise<RunningWorker> {
    const worker = await bootWorker({
      url: this.url,
      handlers: new URL('./fixtures/nodejobs.js', import.meta.url),
      handleSignals: false,
      // The Redis of the tests keeps nothing.
      durability: 'ignore',
      ...options,
    });
    this.workers.add(worker);
    return worker;
  }

  /** Works until the queue is empty, and leaves. */
  async burst(queue: string, options: Partial<BootOptions> = {}): Promise<RunningWorker> {
    const worker = await this.boot({ queues: [queue], burst: true, ...options });
    await worker.done;
    return worker;
  }

  async stopWorkers(): Promise<void> {
    const workers = [...this.workers];
    this.workers.clear();
    await Promise.all(workers.map((worker) => worker.stop({ graceMs: 0 })));
  }

  async part(): Promise<void> {
    await this.stopWorkers();
    await this.python.stop();
    await this.rq.close();
    await this.closeRedis();
  }
}
