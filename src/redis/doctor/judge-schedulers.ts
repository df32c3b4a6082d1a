import { type Diagnosis, fine } from './finding.js';
import type { QueueReading } from './read-fleet.js';

/** Whether somebody moves scheduled jobs when their time comes: later ones, and retries with a pause. */
export const judgeSchedulers = (queues: readonly QueueReading[]): Diagnosis => {
  const check = 'schedulers';
  const namesOf = (list: readonly QueueReading[]): string =>
    list.map(({ name }) => name).join(', ');
  const endless = queues.filter(({ lock }) => lock?.expiresInMs === -1);
  if (endless.length > 0)
    return {
      check,
      level: 'problem',
      what: `the scheduler's lock never expires: ${namesOf(endless)}`,
      why: 'when its holder dies no scheduler ever takes over',
      remedy: 'DEL rq:scheduler-lock:<queue>; the next scheduler takes it',
    };
  const late = queues.filter(({ overdue }) => overdue > 0);
  const lateAlone = late.filter(({ lock }) => lock === null);
  if (lateAlone.length > 0)
    return {
      check,
      level: 'problem',
      what: `${lateAlone.reduce((sum, { overdue }) => sum + overdue, 0)} jobs are overdue, and no scheduler serves ${namesOf(lateAlone)}`,
      why: 'only a scheduler moves scheduled jobs and retries with a pause',
      remedy: 'a worker of rxrq, or rq worker --with-scheduler, for these queues',
    };
  if (late.length > 0)
    return {
      check,
      level: 'warning',
      what: `jobs are overdue although a scheduler holds the lock: ${namesOf(late)}`,
      why: 'it is frozen, too slow, or one of its jobs cannot be read and stops it (RQ)',
      remedy: 'restart that scheduler; rxrq audit tells of jobs that cannot be read',
    };
  const alone = queues.filter(({ scheduled, lock }) => scheduled > 0 && lock === null);
  if (alone.length > 0)
    return {
      check,
      level: 'warning',
      what: `scheduled jobs, and no scheduler: ${namesOf(alone)}`,
      why: 'nobody will move them when their time comes',
      remedy: 'a worker of rxrq, or rq worker --with-scheduler, for these queues',
    };
  const held = queues.flatMap(({ name, lock }) =>
    lock ? [`${name} by ${lock.holder ?? lock.value}`] : [],
  );
  return fine(check, held.length > 0 ? `served: ${held.join(', ')}` : 'nothing is scheduled');
};
