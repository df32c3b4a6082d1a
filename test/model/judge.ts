import { keys } from '../../src/redis/keys.js';
import type { Heard } from './action.js';
import type { View } from './lane.js';
import { queue, type World } from './world.js';

const homes = { finished: keys.finished, failed: keys.failed, canceled: keys.canceled } as const;
type Home = keyof typeof homes;

/** Whatever must hold in every state. @throws naming the first promise that is broken */
export const judge = (world: World, view: View): void => {
  for (const id of Object.keys(world.enqueueing)) judgeJob(id, world, view);
  for (const member of view.pairs(keys.wip(queue)).keys()) judgeLease(member, world);
};

const judgeJob = (id: string, world: World, view: View): void => {
  const count = (items: Iterable<string>): number =>
    [...items].filter((item) => item === id).length;
  const waiting = count(view.items(keys.queue(queue)));
  const inFlight = count(view.items(keys.intermediate(queue)));
  const leases = count(
    [...view.pairs(keys.wip(queue)).keys()].map((member) => member.split(':')[0] ?? ''),
  );
  const status = view.pairs(keys.job(id)).get('status') ?? null;
  const told = world.story.path.statusOf(id);
  const places = `waiting ${waiting}, in flight ${inFlight}, leases ${leases}`;
  const demand = (isSo: boolean, what: string): void => {
    if (!isSo) throw new Error(`job ${id}, status ${status}: ${what}; ${places}`);
  };
  demand(told === status, `the log tells ${told}`);
  if (status === null) {
    demand(world.enqueueing[id] !== 'acknowledged', 'it was acknowledged and is gone');
    demand(waiting + inFlight + leases === 0, 'an id without a job');
    return;
  }
  if (status === 'queued') demand(waiting + inFlight + leases === 1, 'not in exactly one place');
  else if (status === 'started') {
    demand(waiting + inFlight === 0 && leases === 1, 'not held by exactly one execution');
  } else {
    demand(waiting + inFlight === 0, 'it waits, and has ended');
    // A canceled job may run on until its worker hears of it.
    demand(leases === 0 || (status === 'canceled' && leases === 1), 'it is held, and has ended');
  }
  for (const home of Object.keys(homes) as Home[]) {
    const isThere = view.pairs(homes[home](queue)).has(id);
    demand(isThere === (status === home), isThere ? `it is in ${home}` : `it is not in ${home}`);
  }
  const quarantined = count(view.items(keys.failedQueue));
  demand(quarantined === (status === 'failed' ? 1 : 0), `${quarantined} times in the FailedQueue`);
};

/** A lease of a living worker is known to it, or will be once its call is answered: else nobody would end it. */
const judgeLease = (member: string, { workers }: World): void => {
  const [, execution = ''] = member.split(':');
  const owner = workers.find(({ tag }) => execution.startsWith(tag));
  if (!owner) return;
  const isKnown = owner.held.some(({ job }) => job.execution === execution);
  const isComing = owner.unanswered !== null && execution.startsWith(owner.unanswered.requestId);
  if (!isKnown && !isComing)
    throw new Error(`${member} has a lease of ${owner.name}, which knows nothing of it`);
};

/** What a worker hears agrees with what is so. @throws naming what does not */
export const judgeReply = ({ execution, reply }: Heard, { story }: World, view: View): void => {
  if (execution !== null) story.hear(execution, reply);
  const leases = view.pairs(keys.wip(queue));
  for (const { jobId, execution } of reply.claimed)
    if (!leases.has(`${jobId}:${execution}`))
      throw new Error(`${jobId} was given out as ${execution}, which has no lease`);
};

/** Every job has ended, and no worker waits for anything. */
export const isAtRest = ({ enqueueing, workers, story }: World): boolean =>
  Object.keys(enqueueing).every(
    (id) => enqueueing[id] === 'acknowledged' && (story.path.statusOf(id) ?? '') in homes,
  ) && workers.every(({ held, hint, unanswered }) => held.length === 0 && !hint && !unanswered);
