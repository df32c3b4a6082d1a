import { Rq, type RqOptions } from '../streams/rq.js';
import { jobInScope } from '../tasks.js';
import { type BootOptions, bootWorker } from './boot-worker.js';

/** `url` and the rest as for `Rq`; handlers, container and events as for `bootWorker`. */
export type InPlaceOptions = RqOptions & Pick<BootOptions, 'handlers' | 'container' | 'on'>;

/**
 * An `Rq` for tests: `enqueue` resolves once the job, and what it brought onto the queues, has been run in this
 * process. Redis holds what a worker writes, for it is one: inline, in a burst, over all queues there are. So use a
 * Redis of your own. A job that fails does not make `enqueue` reject; a retry with a pause waits for a scheduler.
 * RQ: `Queue(is_async=False)`, which writes less.
 *
 * @throws what `Rq` throws; `enqueue` also what `bootWorker` throws
 */
export const rqInPlace = ({ handlers, container, on, ...options }: InPlaceOptions): Rq => {
  const run = async (): Promise<void> => {
    const worker = await bootWorker({
      ...(options.url !== undefined && { url: options.url }),
      ...(options.encryption && { encryption: options.encryption }),
      ...(options.wire && { wire: options.wire }),
      ...(container !== undefined && { container }),
      ...(on && { on }),
      handlers,
      queues: await rq.queueNames(),
      isolation: 'inline',
      burst: true,
      // Each call boots one, of a Redis for tests.
      durability: 'ignore',
      handleSignals: false,
    });
    await worker.done;
  };
  let last: Promise<void> = Promise.resolve();
  const rq = new Rq(options, async () => {
    // The burst that runs this handler takes what it enqueues, and is not over before the handler is.
    if (jobInScope()) return;
    last = last.then(run, run);
    await last;
  });
  return rq;
};
