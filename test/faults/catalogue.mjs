// @ts-check

/**
 * @typedef {object} Fault
 * @property {number} number tests in test/faults that show it begin their name with it: `'F62: …'`, `'F02, F37: …'`
 * @property {string} fault what happens
 * @property {string} promise what holds all the same
 * @property {readonly string[]} [elsewhere] tests that show it under another name, `file: begin of the name`
 * @property {string} [without] why nothing shows it, or what is not promised
 */

const executor = 'actors/executor/executor-process';
const hostile = 'actors/executor/executor-hostile';
const claim = 'redis/claim';

/**
 * What may happen to workers, their children, Redis, the network, the clocks and the data, and what holds all the
 * same. docs/reliability.md has the same table.
 *
 * @type {ReadonlyArray<{ area: string, faults: readonly Fault[] }>}
 */
export const areas = [
  {
    area: 'Worker process',
    faults: [
      {
        number: 1,
        fault: 'an idle worker is killed',
        promise: 'nothing to recover; its record expires within 90 s',
      },
      {
        number: 2,
        fault: 'a worker is killed while jobs run',
        promise: 'the jobs run again, from the head of their queue; its children end',
      },
      {
        number: 3,
        fault: 'workers are killed at any instant, hundreds of times',
        promise: 'no job is lost; what ran twice has an event that says why',
        elsewhere: ['faults/kill-loop: 54: loses no job'],
      },
      {
        number: 4,
        fault: 'a worker is killed between a claim and its reply',
        promise: 'the job runs elsewhere once the lease is over',
      },
      {
        number: 5,
        fault: 'a worker is frozen for longer than its lease, and thaws',
        promise: 'another runs its job; the late outcome is refused, and told as `lost`',
      },
      {
        number: 6,
        fault: 'SIGTERM',
        promise: 'no new job; running ones end; nothing stays in flight; exit 0',
      },
      {
        number: 7,
        fault: 'SIGTERM, and a job that outlasts the grace',
        promise: 'the job goes back to the head of its queue, uncharged',
      },
      {
        number: 8,
        fault: 'a second SIGTERM',
        promise: 'the jobs go back, the children are killed, at once',
      },
      {
        number: 9,
        fault: 'SIGTERM while Redis is down',
        promise: 'it exits in time, not with 0, and names the jobs that are left',
      },
      {
        number: 10,
        fault: 'an inline handler blocks the loop for longer than the lease',
        promise: 'one outcome counts; the other is refused and told as `lost`',
      },
      {
        number: 11,
        fault: 'hooks and subscribers throw',
        promise: 'all jobs end; the error is told',
      },
      {
        number: 12,
        fault: 'an unhandled rejection in the worker’s own process',
        promise: 'Node ends the process, not with 0; its jobs are recovered',
      },
      {
        number: 13,
        fault: 'the worker’s heap is exhausted',
        promise: 'as if it was killed',
      },
      {
        number: 14,
        fault: 'a handler module does not load',
        promise: 'the worker does not start, says why, and claims nothing',
        elsewhere: ['actors/worker-start: fails at once for a module that does not load'],
      },
      {
        number: 15,
        fault: 'a handler module loads everywhere but in the child',
        promise: 'the worker does not start; no job is charged',
      },
      {
        number: 16,
        fault: 'every job kills its child',
        promise: 'bad ones fail one by one, good ones run; children are forked at a bounded rate',
        elsewhere: [
          'actors/supervisor: that die with nothing to do are replaced after growing pauses',
        ],
      },
      { number: 17, fault: 'two workers with one name', promise: 'the second refuses to start' },
      {
        number: 18,
        fault: 'the host boots, and a process id comes again',
        promise: 'a process id names no execution: nobody foreign is killed',
      },
      {
        number: 19,
        fault: 'thirty workers start at once',
        promise: 'each job starts once; a bounded number of commands for each',
      },
      {
        number: 20,
        fault: 'workers are replaced one after the other under load',
        promise: 'no job fails, none is recovered',
      },
    ],
  },
  {
    area: 'Executor child',
    faults: [
      {
        number: 21,
        fault: 'the child is killed',
        promise: 'its job died, with the signal; the worker and its other children go on',
        elsewhere: [
          `${hostile}: %s%j is an outcome`,
          'actors/supervisor: that die of a job are replaced',
        ],
      },
      {
        number: 22,
        fault: 'the child is stopped (SIGSTOP)',
        promise: 'the time limit holds',
        elsewhere: [`${executor}: holds for a stopped child`],
      },
      {
        number: 23,
        fault: 'an endless loop',
        promise: 'the time limit holds; the child is killed',
        elsewhere: [`${executor}: ends %s by force`],
      },
      {
        number: 24,
        fault: 'the child exits with 0 in the middle of a job',
        promise: 'the job died, it did not succeed',
        elsewhere: [`${hostile}: %s%j is an outcome`],
      },
      {
        number: 25,
        fault: 'the child closes its channel and lives on',
        promise: 'it is killed, its job died',
        elsewhere: [`${hostile}: %s: it is killed, its job died`],
      },
      {
        number: 26,
        fault: 'the handler throws after it has returned',
        promise: 'the outcome stands; the child is replaced',
        elsewhere: [`${hostile}: a late throw does not change it`],
      },
      {
        number: 27,
        fault: 'the child sends messages of a wrong shape, or for other jobs',
        promise: 'it is killed, its job died; no other job moves',
        elsewhere: [
          `${hostile}: %s: it is killed, its job died`,
          'actors/executor/held-jobs: cannot be jumped, forged or spoken for',
        ],
      },
      {
        number: 28,
        fault: 'the child writes garbage to the channel',
        promise: 'it is killed; the worker lives',
        elsewhere: [`${hostile}: %s: it is killed, its job died`],
      },
      {
        number: 29,
        fault: '300 MB without the end of a frame',
        promise: 'the worker stays small',
        elsewhere: [`${hostile}: sends 300 MB without the end of a frame`],
      },
      {
        number: 30,
        fault: 'a result of 100 MB',
        promise: 'the job fails, and both sizes are named; the worker stays small',
        elsewhere: [`${hostile}: refuses one that is too large in the child`],
      },
      {
        number: 31,
        fault: 'a flood of progress and log lines',
        promise: 'they are thinned; what was left out is counted',
        elsewhere: [`${hostile}: thins progress and counts the log lines it drops`],
      },
      {
        number: 32,
        fault: 'a flood on stdout',
        promise: 'it is read to the end and passed on in part; the job finishes',
        elsewhere: [`${hostile}: reads all that is printed and passes on a part`],
      },
      {
        number: 33,
        fault: 'the child’s heap is exhausted',
        promise: 'its job died, out of memory',
        elsewhere: [`${hostile}: says so when it reached the heap limit`],
      },
      {
        number: 34,
        fault: 'the child’s memory grows',
        promise: 'it is replaced after the job, or killed at a second limit',
        elsewhere: [
          'actors/worker-pool: is replaced when a job left it too large',
          'actors/worker-pool: is killed when its job takes too much',
        ],
      },
      {
        number: 35,
        fault: 'the child ignores SIGTERM',
        promise: 'it is killed',
        elsewhere: [`${executor}: ends %s by force`],
      },
      {
        number: 36,
        fault: 'the child leaves children of its own',
        promise: 'they are killed with it',
        elsewhere: [`${hostile}: takes its grandchildren along`],
      },
      {
        number: 37,
        fault: 'the worker dies while its child is in a loop',
        promise: 'the child ends by itself',
        elsewhere: ['actors/executor/executor-orphan: is gone at once when its parent is killed'],
      },
      {
        number: 38,
        fault: 'the worker is frozen for longer than its lease',
        promise: 'its children end before others run their jobs',
        elsewhere: [
          'actors/executor/executor-orphan: is gone within the lease when its parent is frozen',
        ],
      },
      {
        number: 39,
        fault: 'abort, segmentation fault',
        promise: 'the job died, with the signal',
        elsewhere: [`${hostile}: %s%j is an outcome`],
      },
      {
        number: 40,
        fault: 'a result that cannot be written',
        promise: 'the job fails, and the path of the value is named',
        elsewhere: [`${hostile}: refuses a %s, naming its path`],
      },
      {
        number: 41,
        fault: 'the handler returns and exits at once',
        promise: 'the result counts',
        elsewhere: [`${hostile}: a result of %i bytes counts`, `${hostile}: counts too with 20 MB`],
      },
      {
        number: 42,
        fault: 'no process can be forked',
        promise: 'jobs go back',
        elsewhere: [`${executor}: rejects when there is no process to be had, and gives jobs back`],
      },
      {
        number: 43,
        fault: 'a child takes long to start',
        promise: 'nothing is claimed before it is up; its start is not time of a job',
        elsewhere: [
          'actors/supervisor: is nothing until an executor is up, then one job each',
          `${executor}: rejects when the child is not ready in time, and leaves none`,
        ],
      },
    ],
  },
  {
    area: 'Redis',
    faults: [
      {
        number: 44,
        fault: 'it is restarted, with an append-only file',
        promise: 'the workers go on within seconds; nothing is lost',
      },
      {
        number: 45,
        fault: 'it is killed under load, with an append-only file',
        promise: 'every acknowledged job is there, and ends once',
      },
      {
        number: 46,
        fault: 'it is down for longer than a lease',
        promise: 'jobs run on; no job of a living worker is recovered afterwards',
      },
      {
        number: 47,
        fault: 'it is frozen for longer than a lease',
        promise: 'as above',
      },
      {
        number: 48,
        fault: 'it loads its data',
        promise: 'everybody waits, nobody errs',
      },
      {
        number: 49,
        fault: 'it is over maxmemory',
        promise: 'new jobs are refused by a typed error; what waits is worked off; all recovers',
        elsewhere: ['redis/over-maxmemory: lets a worker end, claim, begin and give back jobs'],
      },
      {
        number: 50,
        fault: 'it may evict keys',
        promise:
          'a worker says so once, with the remedy, and starts, or refuses to when it is told to be sure; `rxrq doctor` says it too',
        elsewhere: ['redis/doctor: eviction'],
      },
      {
        number: 51,
        fault: 'a script of somebody else blocks it',
        promise: 'a pause, then all goes on',
      },
      {
        number: 52,
        fault: 'it is killed in the middle of a script',
        promise: 'no client of ours sends the script once more by itself',
      },
      {
        number: 53,
        fault: 'it becomes a replica, and a master again',
        promise: 'the workers go on; they ask at a bounded rate',
      },
      {
        number: 54,
        fault: 'a replica that lags takes over, with an older state',
        promise:
          'no crash; late outcomes are refused; the audit finds and mends the rest; what a replica had confirmed is there',
      },
      {
        number: 55,
        fault: 'SCRIPT FLUSH, again and again',
        promise: 'nobody notices',
      },
      {
        number: 56,
        fault: 'FLUSHALL while jobs run',
        promise: 'no crash; the outcomes are `lost`; new jobs run',
      },
      {
        number: 57,
        fault: 'it takes no more connections',
        promise: 'a clear error; all goes on when there is room',
      },
      {
        number: 58,
        fault: 'the password, or the right to a command, is taken away',
        promise: 'told seldom and without the password; all goes on when it is given back',
      },
      {
        number: 59,
        fault: 'all connections are killed, again and again',
        promise: 'nothing is lost, nothing runs twice untold',
      },
      {
        number: 60,
        fault: 'it keeps nothing on disk',
        promise:
          'a worker says so once, with the remedy, and starts, or refuses to when it is told to be sure; `rxrq doctor` says it too',
        elsewhere: ['redis/doctor: persistence, and a snapshot that failed'],
      },
    ],
  },
  {
    area: 'Network',
    faults: [
      {
        number: 61,
        fault: 'the connection that waits is reset',
        promise: 'the next job runs at once',
      },
      {
        number: 62,
        fault: 'the reply to a claim is lost',
        promise: 'the same request brings the same job: one attempt, one execution',
        elsewhere: ['streams/lost-replies: claims and settles each job once'],
      },
      {
        number: 63,
        fault: 'the reply to an outcome is lost',
        promise: 'it is written once and counted once',
        elsewhere: ['streams/lost-replies: claims and settles each job once'],
      },
      {
        number: 64,
        fault: 'the reply to enqueueing is lost',
        promise: 'the id is in the list once',
        elsewhere: ['streams/lost-replies: enqueues each job once'],
      },
      {
        number: 65,
        fault: 'packets vanish for a while, both ways',
        promise: 'it is noticed, work goes on after the heal, what was swallowed runs',
        elsewhere: ['streams/lost-replies: settles once over a network that swallows replies'],
      },
      {
        number: 66,
        fault: 'a dead client is still waited for by Redis',
        promise: 'at most one id goes to each ghost; it is found in flight and runs',
      },
      { number: 67, fault: 'latency of 500 ms ± 400', promise: 'no false alarm, no lost lease' },
      { number: 68, fault: 'single bytes; 64 kB/s', promise: 'it works' },
      {
        number: 69,
        fault: 'no connection for minutes',
        promise: 'memory and log stay bounded',
      },
      {
        number: 70,
        fault: 'a producer without Redis',
        promise: 'rejected in time, with what may have been written; asking again is safe',
      },
    ],
  },
  {
    area: 'Time',
    faults: [
      {
        number: 71,
        fault: 'a worker’s clock is ten minutes off',
        promise: 'no effect',
      },
      {
        number: 72,
        fault: 'the clock of Redis jumps an hour ahead',
        promise: 'no running job is taken from a living worker',
        elsewhere: ['actors/janitor: recovers a lease that it saw unchanged for long enough'],
      },
      {
        number: 73,
        fault: 'the clock of Redis jumps an hour back',
        promise: 'workers go on; nothing that is scheduled is lost',
      },
      {
        number: 74,
        fault: 'a Python host whose clock is ahead cleans',
        promise: 'running jobs are left alone',
        elsewhere: ['interop/cases/tools: 52: clocks that differ by half a minute abandon nothing'],
      },
      {
        number: 75,
        fault: 'time zones, summer time, times far away',
        promise: 'scheduled by UTC; cron by the zone that was named',
        elsewhere: [
          'redis/schedule: goes to the queue at once when its time has come',
          'redis/schedule: refuse what is no time, and a unique job without an id',
          'actors/cron/cron-schedule: comes an hour later when its time is skipped',
        ],
      },
    ],
  },
  {
    area: 'Data and input',
    faults: [
      {
        number: 76,
        fault: 'ids in a queue that have no job',
        promise: 'they are dropped; the next job comes in the same claim',
        elsewhere: [`${claim}: passes over a thousand ghosts`],
      },
      {
        number: 77,
        fault: 'fields that are missing or no numbers, dates, texts',
        promise:
          'in a hash that Python wrote: the job fails, the field is named, Python can read the entry; in one of ours they count as absent, but for `timeout`, and the audit names them',
        elsewhere: [
          `${claim}: quarantines a job when %s`,
          `${claim}: runs a Node job whose field %s is %j, and settles it`,
        ],
      },
      {
        number: 78,
        fault: 'a key has a wrong type',
        promise:
          'refused before the first write; the id stays; other queues go on; listings and tools show the rest, and name it',
        elsewhere: [
          `${claim}: leaves a queue alone whose key %s is a string`,
          `${claim}: keeps an outcome while a key of its queue is spoilt`,
          'redis/recover: writes nothing when a key of the queue has a wrong type',
          'redis/enqueue: writes nothing when a key of the queue has another type',
          'streams/wrong-types: %s hides nothing of the rest',
          'cli/wrong-types: %s hides nothing of the rest',
        ],
      },
      {
        number: 79,
        fault: 'an id twice in a list; an id that is queued and runs',
        promise: 'one execution',
        elsewhere: [`${claim}: drops the id of a running job (%s)`],
      },
      {
        number: 80,
        fault: 'a payload that cannot be read',
        promise: 'the job fails, the reason says which layer; the worker goes on',
        elsewhere: [
          'interop/refused: 22: refuses objects and classes of a pickle, says why',
          'redis/payload/hostile: throws nothing but its own error for any bytes',
        ],
      },
      {
        number: 81,
        fault: 'leases that nobody can read',
        promise: 'the audit tells and mends them; Python’s cleaners work afterwards',
        elsewhere: [
          'redis/audit/audit: %s: %s',
          'interop/leases: mends leases that nobody can read, so that Python cleans the others again',
        ],
      },
      {
        number: 82,
        fault: 'a handler that this worker does not have',
        promise: 'handed on so often, then failed; no hot loop',
        elsewhere: ['actors/worker-run: is passed on a few times, longer kept each time'],
      },
      {
        number: 83,
        fault: 'a payload of 200 MB',
        promise: 'it is never fetched; the job fails',
        elsewhere: [`${claim}: does not hand 200 MB to the worker`],
      },
      {
        number: 84,
        fault: 'a payload that inflates to a gigabyte',
        promise: 'stopped at the limit',
        elsewhere: ['redis/payload/hostile: stops a bomb of 1 GiB at the limit'],
      },
      {
        number: 85,
        fault: 'names with control characters, paths, prototypes, odd bytes',
        promise: 'refused when enqueued; dropped, by their bytes, or failed when claimed',
        elsewhere: [
          `${claim}: drops an id that is no text at all, by its bytes`,
          'redis/payload/hostile: leaves Object.prototype as it was',
          'redis/operators: takes ids of odd bytes',
        ],
      },
      {
        number: 86,
        fault: 'the time to live of a job runs out while it waits, or runs',
        promise: 'waiting: dropped and told; running: it stays',
        elsewhere: [
          `${claim}: drops what expired while it waited, and tells`,
          `${claim}: keeps a running job from expiring`,
        ],
      },
      {
        number: 87,
        fault: 'a million entries',
        promise: 'no script holds Redis up',
        elsewhere: [
          'redis/operators: holds nobody up when the FailedQueue is a million long',
          'redis/audit/audit: looks at 50,000 jobs without holding Redis up',
        ],
      },
    ],
  },
  {
    area: 'Operators',
    faults: [
      {
        number: 88,
        fault: 'a job is canceled or deleted while it runs',
        promise: 'aborted within a heartbeat; nothing of it comes back',
        elsewhere: [
          'actors/worker-run: is aborted within a heartbeat when it is canceled',
          'actors/worker-run: is aborted within a heartbeat when it is deleted',
        ],
      },
      {
        number: 89,
        fault: 'a queue is emptied or deleted while its jobs run',
        promise: 'running jobs end as if nothing had happened',
        elsewhere: [
          'redis/operators: deletes what waits, in chunks, and neither running nor ended',
          'interop/cancel-and-delete: 42: empties a queue',
        ],
      },
      {
        number: 90,
        fault: 'a failed job is requeued many times at once, or while it runs',
        promise: 'moved once; one of two executions ends',
        elsewhere: [
          'redis/operators: moves it once when 50 ask at a time',
          'redis/operators: finds a job whose execution is still running elsewhere',
        ],
      },
      {
        number: 91,
        fault: 'suspend, resume',
        promise: 'nothing starts in between',
        elsewhere: ['redis/claim-order: takes nothing and says so; what is handed in is written'],
      },
      {
        number: 92,
        fault: 'no worker for a while, then some',
        promise: 'what the last ones held is recovered',
      },
      {
        number: 93,
        fault: 'a wrong address',
        promise: 'a clear error at once',
        elsewhere: ['actors/worker-start: fails when there is no Redis'],
      },
    ],
  },
  {
    area: 'Version skew and mixed fleets',
    faults: [
      {
        number: 94,
        fault: 'workers of RQ and of rxrq on one queue',
        promise: 'each job runs once',
        elsewhere: ['interop/refused: shares a queue: each side runs what it has'],
      },
      {
        number: 95,
        fault: 'RQ 1.x cleans leases of rxrq',
        promise: 'the job is found and mended',
        elsewhere: ['interop/cases/tools: 49: what a 1.x cleaner does to an abandoned Node job'],
      },
      {
        number: 96,
        fault: 'schedulers of both at once',
        promise: 'each due job is queued once',
        elsewhere: ['interop/scheduling: 45: with overlapping schedulers Node moves a job once'],
      },
      {
        number: 97,
        fault: '`rq info` and dashboards look all the time',
        promise: 'no job fails, none is recovered',
        elsewhere: [
          'interop/leases: is harmed by nobody who looks all the time',
          'interop/leases: 25: a long job moves its lease forward, and nobody who looks abandons it',
        ],
      },
      {
        number: 98,
        fault: 'an older and a newer rxrq together',
        promise: 'scripts are known by their content; unknown fields and events are left alone',
        without:
          'it takes another build: `npm run beside -- REVISION` runs the kill loop with workers and producers of both',
      },
      {
        number: 99,
        fault: 'a Python worker is killed, with its child or without',
        promise:
          'the job is recovered once its lease is over (shown with the child killed as well); a late outcome of Python’s is not refused: it overwrites',
        elsewhere: [
          'interop/leases: brings back what a killed Python worker left',
          'interop/sharp-edges/duplication: S20: a worker that lost its job overwrites the outcome',
        ],
      },
    ],
  },
];

/** @type {readonly Fault[]} */
export const faults = areas.flatMap(({ faults: ofArea }) => ofArea);

/** @param {number} number */
export const labelOf = (number) => `F${String(number).padStart(2, '0')}`;

/** The faults that a test of this name shows. @param {string} title @returns {number[]} */
export function faultsOf(title) {
  const head = /^(F\d\d(?:, F\d\d)*): /.exec(title)?.[1];
  return head ? head.split(', ').map((label) => Number(label.slice(1))) : [];
}
