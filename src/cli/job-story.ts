import type { Redis } from 'ioredis';
import type { JobRecord } from '../redis/job-record.js';
import { keys } from '../redis/keys.js';
import { type LifecycleEvent, unfoldEntry } from '../redis/lifecycle-event.js';

const entriesAtOnce = 500;
/** How far the clock of the producer that created the job may be ahead of that of Redis. */
const clockSkewMs = 600_000;

/** What the log of its queue still holds of a job, oldest first. Reads no more of the log than the job can be in. */
export const readStory = async (redis: Redis, record: JobRecord): Promise<LifecycleEvent[]> => {
  const story: LifecycleEvent[] = [];
  const createdMs = record.createdAt?.getTime() ?? 0;
  let after = `${Math.max(0, createdMs - clockSkewMs)}-0`;
  for (;;) {
    const page = await redis.xrange(
      keys.events(record.origin),
      `(${after}`,
      '+',
      'COUNT',
      entriesAtOnce,
    );
    for (const [id, fields] of page) {
      story.push(
        ...unfoldEntry(record.origin, id, fields).filter(({ jobId }) => jobId === record.id),
      );
    }
    const last = page.at(-1);
    if (!last || page.length < entriesAtOnce) return story;
    after = last[0];
  }
};
