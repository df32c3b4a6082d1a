import { checkQueueName } from '../redis/names.js';
import type { Rq } from '../streams/rq.js';
import { escapeText } from './escape.js';
import type { Io } from './io.js';

/**
 * The queues that exist. Anybody may have written anything into their set: a name that no queue can have is
 * told on stderr and left out, so that it does not hide the others.
 */
export const existingQueues = async (rq: Rq, io: Io): Promise<string[]> => {
  const usable: string[] = [];
  for (const name of await rq.queueNames()) {
    try {
      usable.push(checkQueueName(name));
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'InvalidNameError') throw error;
      io.err(
        `left out: queue ${escapeText(name, 200)}, ${escapeText(error.message.slice(error.message.lastIndexOf(': ') + 2))}`,
      );
    }
  }
  return usable;
};
