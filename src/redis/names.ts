import { InvalidNameError } from './errors.js';

/** RQ 2.8 refuses any other id on every fetch. The length is ours: an id stands in a dozen keys. */
const idPattern = /^[A-Za-z0-9_-]{1,200}$/;

/** Whether Python RQ and our scripts accept the id. */
export const isJobId = (id: string): boolean => idPattern.test(id);

/** @throws InvalidNameError naming the id and the rule. */
export const checkJobId = (id: string): string => {
  if (!isJobId(id)) {
    throw new InvalidNameError('job id', id, 'it must be 1 to 200 of A-Z a-z 0-9 _ -');
  }
  return id;
};

/**
 * A queue's name may hold anything a key may hold, but for what RQ gives a meaning: `,` separates
 * names in a worker's hash, `:intermediate` ends another key, `failed` is the FailedQueue.
 *
 * @throws InvalidNameError naming the queue and the rule.
 */
export const checkQueueName = (name: string): string => {
  const rule =
    typeof name !== 'string' || name === ''
      ? 'it must not be empty'
      : name.length > 200
        ? 'it must be at most 200 characters long'
        : /[\p{Cc}\s,]/u.test(name)
          ? 'it must hold no comma, white space or control character'
          : name.endsWith(':intermediate')
            ? 'names ending in ":intermediate" belong to the in-flight lists'
            : name === 'failed'
              ? '"failed" is the FailedQueue: use rq.failedQueue'
              : null;
  if (rule) throw new InvalidNameError('queue name', String(name), rule);
  return name;
};

/**
 * A group's name stands in a key and in a hash of Python's; else it is free.
 *
 * @throws InvalidNameError naming the group and the rule.
 */
export const checkGroupName = (name: string): string => {
  if (typeof name !== 'string' || name === '' || name.length > 200 || /\p{Cc}/u.test(name)) {
    throw new InvalidNameError(
      'group name',
      String(name),
      'it must be 1 to 200 characters, none of them a control character',
    );
  }
  return name;
};
