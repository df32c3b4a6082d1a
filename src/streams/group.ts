import { disbandGroup, groupPages, leaveGroup, pruneGroup } from '../redis/group-store.js';
import type { JobRecord } from '../redis/job-record.js';
import { fetchJobs } from '../redis/job-store.js';
import { keys } from '../redis/keys.js';
import { checkGroupName } from '../redis/names.js';
import type { Doors } from './doors.js';
import type { Job } from './job.js';
import type { JobSpec, Queue } from './queue.js';

/**
 * Jobs under one name, of any queues: the set `rq:group:<name>`. It is there as long as it has a job; a job belongs
 * to one group at most, from its enqueue on. RQ: `Group`.
 */
export class Group {
  /** @throws InvalidNameError */
  constructor(
    private readonly doors: Doors,
    readonly name: string,
  ) {
    checkGroupName(name);
  }

  /** Enqueues jobs of this group, each in one step with its place in the group. See `Queue.enqueueMany`. RQ: `Group.enqueue_many`. */
  enqueueMany(queue: Queue, specs: readonly JobSpec[]): Promise<Job[]> {
    const ofGroup = ({ options, ...spec }: JobSpec): JobSpec => ({
      ...spec,
      options: { ...options, groupId: this.name },
    });
    return queue.enqueueMany(specs.map(ofGroup));
  }

  /** How many ids it holds, those of jobs that have expired included. */
  count(): Promise<number> {
    return this.doors.redis.scard(keys.group(this.name));
  }

  /** Its ids, in no order, those of jobs that have expired included. */
  async ids(): Promise<string[]> {
    const ids = new Set<string>();
    for await (const page of groupPages(this.doors.redis, this.name))
      for (const id of page) ids.add(id);
    return [...ids];
  }

  /** Its jobs, in no order; ids without a job are left out. Reading changes nothing, unlike RQ's `Group.get_jobs`. */
  async jobs(): Promise<JobRecord[]> {
    const { redis, onTrouble } = this.doors;
    const ids = await this.ids();
    const found: JobRecord[] = [];
    for (let from = 0; from < ids.length; from += 500) {
      const records = await fetchJobs(redis, ids.slice(from, from + 500), onTrouble);
      for (const record of records) if (record) found.push(record);
    }
    return found;
  }

  /** Takes a job out of the group; the job goes on. False when it was not in it. RQ: `Group.delete_job`. */
  async remove(id: string): Promise<boolean> {
    return (await leaveGroup(this.doors.redis, this.name, [id])) === 1;
  }

  /** Drops the ids of jobs that are gone, as workers do every ten minutes. Answers how many. RQ: `Group.cleanup`. */
  prune(): Promise<number> {
    return pruneGroup(this.doors.redis, this.name);
  }

  /** Ends the group: its jobs go on without it, or are deleted with it. Answers how many ids it had. */
  async delete({ deleteJobs = false }: { deleteJobs?: boolean } = {}): Promise<number> {
    let deleted = 0;
    if (deleteJobs) {
      for (const { id, origin } of await this.jobs())
        if (await this.doors.job(id, origin).delete()) deleted += 1;
    }
    return deleted + (await disbandGroup(this.doors.redis, this.name));
  }
}
