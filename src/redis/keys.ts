/**
 * Every key name of the wire, and nowhere else. `rq:` names are Python RQ's, `rxrq:` names are ours
 * and invisible to it. Source: RQ's `Queue.redis_queue_namespace_prefix`, `Job.key_for`, the
 * registries' `key_template`, `BaseWorker.redis_worker_namespace_prefix`.
 */
export const keys = {
  /** SET of full queue keys. */
  queues: 'rq:queues',
  /** LIST of waiting job ids, left is the front. */
  queue: (queue: string) => `rq:queue:${queue}`,
  /** LIST of ids between a blocking pop and their start. */
  intermediate: (queue: string) => `rq:queue:${queue}${suffixes.intermediate}`,
  /** ZSET `<id>:<execution>` → end of the wide lease, in seconds, as Python's cleaners read it. */
  wip: (queue: string) => `rq:wip:${queue}`,
  finished: (queue: string) => `rq:finished:${queue}`,
  failed: (queue: string) => `rq:failed:${queue}`,
  scheduled: (queue: string) => `rq:scheduled:${queue}`,
  deferred: (queue: string) => `rq:deferred:${queue}`,
  canceled: (queue: string) => `rq:canceled:${queue}`,
  /** ZSET of RQ 3: released dependents on their way to their queue. Never written by us. */
  ready: (queue: string) => `rq:ready:${queue}`,
  job: (id: string) => `rq:job:${id}`,
  dependents: (id: string) => `rq:job:${id}:dependents`,
  /** The doubled colon is RQ's own. */
  dependencies: (id: string) => `rq:job::${id}:dependencies`,
  /** STREAM of a job's results. */
  results: (id: string) => `rq:results:${id}`,
  executions: (id: string) => `rq:executions:${id}`,
  execution: (id: string, execution: string) => `rq:execution:${id}:${execution}`,
  /** SET of names of groups. */
  groups: 'rq:groups',
  /** SET of a group's job ids. */
  group: (name: string) => `rq:group:${name}`,
  /** While it is there no worker takes a job. */
  suspended: 'rq:suspended',
  /** While it is there no worker of ours takes a job of this queue. */
  paused: (queue: string) => `rxrq:paused:${queue}`,
  /** HASH `max`, `perMs`, `used`: how many jobs of this queue workers of ours may take in a time. */
  startLimit: (queue: string) => `${prefixes.startLimit}${queue}`,
  /** LIST of `<ms> <how many>`: when they did, within that time. */
  starts: (queue: string) => `${prefixes.starts}${queue}`,
  /** SET of keys of rate limits that are in use. RQ 3, as the next three. */
  rateLimits: 'rq:rl-keys',
  /** HASH with `concurrency`. */
  rateLimit: (key: string) => `${prefixes.rateLimit}${key}`,
  /** ZSET of ids that hold a slot → since when, in seconds with fraction. */
  allowed: (key: string) => `${prefixes.rateLimit}${key}:allowed`,
  /** ZSET of ids that wait for one → since when. */
  rateLimited: (key: string) => `${prefixes.rateLimit}${key}:rate_limited`,
  workers: 'rq:workers',
  workersOf: (queue: string) => `rq:workers:${queue}`,
  worker: (name: string) => `rq:worker:${name}`,
  /** Channel on which a worker hears commands, from any language. */
  commandsTo: (worker: string) => `${prefixes.commandsTo}${worker}`,
  /** Held by the one scheduler of a queue, Python or Node; the value is its name. */
  schedulerLock: (queue: string) => `rq:scheduler-lock:${queue}`,
  /** HASH of what a scheduler tells of itself. */
  scheduler: (name: string) => `rq:scheduler:${name}`,
  /** Taken by whoever cleans a queue's registries, Python or Node. */
  cleaning: (queue: string) => `rq:clean_registries:${queue}`,
  /** LIST of quarantined ids in the order of their quarantine, as RQ 0.x kept it. */
  failedQueue: 'rq:queue:failed',
  /** ZSET of cron processes' names → last heartbeat, in seconds with fraction. */
  cronSchedulers: 'rq:cron_schedulers',
  cronScheduler: (name: string) => `${prefixes.cronScheduler}${name}`,
  /** ZSET of cron entries' names → when they last enqueued, in seconds with fraction. */
  cronJobs: 'rq:cron_jobs',
  /** ZSET of the jobs that a cron entry made → when they were enqueued, in seconds with fraction. */
  cronHistory: (name: string) => `${prefixes.cronHistory}${name}:jobs`,
  /** STREAM of a queue's lifecycle events. */
  events: (queue: string) => `rxrq:events:${queue}`,
  /** ZSET of workers' tags → end of their lease, in milliseconds: what our recoverers judge by. */
  leases: (queue: string) => `rxrq:leases:${queue}`,
  /** That an id in flight was brought back, for as long as nobody may do so again. */
  broughtBack: (queue: string, id: string) =>
    `${prefixes.queue}${queue}${suffixes.intermediate}${prefixes.broughtBack}${id}`,
  /** What a worker's last settle-and-claim answered, so that a lost reply can be asked for again. */
  reply: (worker: string, slot: number) => `rxrq:reply:${worker}:${slot}`,
  /** LIST of commands that a worker of ours finds when it did not hear them. */
  mailbox: (worker: string) => `${prefixes.mailbox}${worker}`,
  /** What a worker answered to the command of this id, JSON. */
  answer: (commandId: string) => `${prefixes.answer}${commandId}`,
  /** Taken for some minutes by whoever prunes the groups. */
  pruningGroups: 'rxrq:pruning-groups',
  /** Taken for some seconds by whoever sweeps the rate limits. */
  sweepingLimits: 'rxrq:sweeping-limits',
  /** HASH of ended jobs → how far their dependents have been freed: more than one call may free. */
  unfreed: 'rxrq:unfreed',
  /** Taken by the worker that looks for strays, for as long as none has to look again. */
  sweep: 'rxrq:sweep',
  /** How far a pipeline's sink has read. */
  cursor: (sink: string) => `rxrq:cursor:${sink}`,
  /** HASH of a queue's cron entries → the last tick that was enqueued: `<due, ms> <job id>`. */
  cron: (queue: string) => `${prefixes.cron}${queue}`,
} as const;

/** What precedes a job's id or a part of it, for scripts that learn ids only while they run. */
export const prefixes = {
  job: 'rq:job:',
  queue: 'rq:queue:',
  finished: 'rq:finished:',
  failed: 'rq:failed:',
  canceled: 'rq:canceled:',
  scheduled: 'rq:scheduled:',
  deferred: 'rq:deferred:',
  ready: 'rq:ready:',
  schedulerLock: 'rq:scheduler-lock:',
  results: 'rq:results:',
  executions: 'rq:executions:',
  execution: 'rq:execution:',
  firstSeen: ':first_seen:',
  broughtBack: ':brought_back:',
  worker: 'rq:worker:',
  group: 'rq:group:',
  rateLimit: 'rq:rl:',
  wip: 'rq:wip:',
  events: 'rxrq:events:',
  starts: 'rxrq:starts:',
  commandsTo: 'rq:pubsub:',
  mailbox: 'rxrq:commands:',
  answer: 'rxrq:answer:',
  startLimit: 'rxrq:limit:',
  cron: 'rxrq:cron:',
  cronScheduler: 'rq:cron_scheduler:',
  cronHistory: 'rq:cron_job:',
} as const;

/** What follows the key of a queue. */
export const suffixes = { intermediate: ':intermediate' } as const;

/** The queue's name in a member of `rq:queues`, or `null` when it is not one of RQ's. */
export const queueNameOf = (key: string): string | null =>
  key.startsWith(prefixes.queue) ? key.slice(prefixes.queue.length) : null;
