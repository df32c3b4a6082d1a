// @ts-check

/** The releases of Python RQ that the cases are run with; the last one is Debian 12's. */
export const releases = /** @type {const} */ (['2.12', '1.16', '1.13']);

/**
 * @typedef {object} Case
 * @property {number} number tests that show it begin their name with it: `'7: …'`, `'1, 2: …'`
 * @property {string} shows
 * @property {boolean} [star] most likely to break
 * @property {string} [node] shown without Python, for all releases alike; says why
 * @property {Partial<Record<typeof releases[number] | 'all', string>>} [without] why there is nothing to show
 */

/**
 * What a Node and a Python that share one Redis must do for each other, in the order in which it is best read:
 * Node enqueues and Python works, the other way round, tools. docs/interop.md has the same table.
 *
 * @type {readonly Case[]}
 */
export const catalogue = [
  {
    number: 1,
    star: true,
    shows: 'a JSON job of Node runs in Python: value, status and fields are right',
  },
  { number: 2, shows: 'the same with a pickle payload and a worker with the default serializer' },
  {
    number: 3,
    star: true,
    shows: 'Python reads the times that Node writes, and Node reads them back',
  },
  {
    number: 4,
    star: true,
    shows: 'an id that RQ 2.8 refuses is refused by Node; written by hand it ends a 2.x worker',
  },
  { number: 5, shows: 'unset fields are absent, not empty, but for `last_heartbeat`' },
  {
    number: 6,
    shows: 'a timeout is whole seconds on the wire; anything else is refused before it is written',
  },
  { number: 7, shows: 'null, nesting, unicode, integers beyond 2^53 and NaN survive both ways' },
  {
    number: 8,
    star: true,
    shows: 'a function that Python does not have fails its job, and the worker lives on',
  },
  { number: 9, shows: 'front and end of a queue keep their order beside Python' },
  {
    number: 10,
    star: true,
    shows: 'a dependent of a Node job is queued once when Python finishes the parent',
  },
  {
    number: 11,
    star: true,
    shows: 'a deferred Node job stays deferred when Python cleans',
  },
  {
    number: 12,
    shows: 'with two parents of which one is deleted, the other releases the dependent',
  },
  {
    number: 13,
    shows: 'a failed parent releases only what allows failure; requeue and success the rest',
  },
  { number: 14, shows: 'retries and their pauses are the same on either side' },
  { number: 15, shows: 'a job that waited longer than its ttl is gone, and skipped' },
  { number: 16, shows: 'result and failure ttl of 0, -1 and some seconds keep what they say' },
  { number: 17, shows: 'meta saved on one side is read on the other' },
  {
    number: 18,
    star: true,
    shows: 'a scheduled Node job is never an entry without a hash, and is enqueued once',
  },
  {
    number: 19,
    shows: 'a group of Node is listed by Python; its jobs with result ttl 0 finish',
    without: { 1.16: 'since RQ 2.0' },
  },
  {
    number: 20,
    shows: 'of two unique enqueues with one id, from either side, one wins',
    without: { 1.16: 'since RQ 2.8' },
  },
  {
    number: 21,
    star: true,
    shows: 'a JSON job of Python runs in Node: value, result and status are right',
  },
  {
    number: 22,
    shows: 'plain pickles are decoded; objects and classes are refused and nothing is called',
  },
  { number: 23, shows: 'no value is None, and no field `return_value`' },
  {
    number: 24,
    star: true,
    shows: 'an exception of Node is a failed job with its stack in Python',
  },
  {
    number: 25,
    star: true,
    shows: 'a long job moves its lease, also with a blocked event loop; nobody abandons it',
  },
  {
    number: 26,
    star: true,
    shows: 'Python fails, or retries, what a killed Node worker left, once',
    without: { 1.16: 'it knows no executions, drops the lease, and leaves the job `started`: 49' },
  },
  {
    number: 27,
    shows: '`stop-job` stops a Node job as RQ stops its own',
  },
  {
    number: 28,
    shows: '`shutdown` ends a Node worker warmly, `kill-horse` fails its job',
  },
  {
    number: 29,
    shows: '`rq suspend` and `rq resume` hold for Node workers',
  },
  {
    number: 30,
    shows: 'repeats take their intervals from the end of the list, like Python',
    without: { 1.16: 'since RQ 2.3' },
  },
  {
    number: 31,
    shows: 'a retry that asks for the front of the queue gets it',
    without: { 1.16: 'since RQ 2.8' },
  },
  { number: 32, shows: 'a canceled job is not started, and stays canceled' },
  { number: 33, shows: 'a deleted running job does not come back, nor anything of it' },
  { number: 34, shows: 'callbacks that Python named: a defined outcome, the same each time' },
  { number: 35, shows: 'a payload stored as it is, without zlib, is read' },
  {
    number: 36,
    shows: 'a finished job with `rate_limit_key` lets the next one in',
    node: 'RQ 3 is not out; its state is written by hand',
  },
  {
    number: 37,
    shows: 'a child that a killed worker of RQ 3 left in `rq:ready` is queued once',
    node: 'RQ 3 is not out; its state is written by hand',
  },
  {
    number: 38,
    star: true,
    shows: '`rq info` and the worker lists show a Node worker; a killed one goes',
  },
  { number: 39, shows: 'of two workers with one name the second is refused, on either side' },
  { number: 40, star: true, shows: '`rq requeue -S json` of a failed Node job runs it again' },
  {
    number: 41,
    star: true,
    shows: '`rq requeue` with the wrong serializer: data and meta are still read',
  },
  { number: 42, shows: 'emptied and deleted queues leave nothing to stumble over' },
  { number: 43, shows: 'what a dashboard reads while Node runs a job loads' },
  {
    number: 44,
    shows: 'of two schedulers, Node and Python, one holds the lock; the other takes over',
  },
  {
    number: 45,
    star: true,
    shows: 'overlapping schedulers: Node enqueues once, and drops what Python doubled',
  },
  {
    number: 46,
    shows: '1,500 due jobs of which 1,000 have no hash: the others are enqueued',
  },
  {
    number: 47,
    star: true,
    shows: 'one unreadable hash is put aside, wherever it lies, and the rest goes on',
  },
  {
    number: 48,
    shows: '`Queue.scheduler_pid` reads the lock that Node holds',
  },
  {
    number: 49,
    shows: 'what a 1.x cleaner does to an abandoned Node job is found and mended',
    without: { 2.12: 'its cleaner fails or retries such a job: 26' },
  },
  { number: 50, shows: 'the maintenance lock is respected on both sides' },
  { number: 51, shows: 'with the list of RQ 0.x: no job is shown or requeued twice' },
  { number: 52, shows: 'clocks that differ by 30 s abandon no running job, on either side' },
  {
    number: 53,
    star: true,
    shows: 'a dependent enqueued while Python finishes its parent: no parent ends failed',
  },
  {
    number: 54,
    shows: 'kill -9 of Node at any moment: each job is in exactly one place, and ends once',
    node: 'the places are the same for all releases',
  },
  { number: 55, shows: 'a timeout that is over ends the job on either side, whoever gave it' },
  {
    number: 56,
    shows: 'a parent canceled or deleted: what waits for it is kept, let go or deleted, as asked',
  },
];
