export {
  type CronEntries,
  type CronEntry,
  type CronSettings,
  defineCron,
} from './actors/cron/cron-entry.js';
export type { CronEnqueued } from './actors/cron/cron-scheduler.js';
export { CronEntryError, CronModuleError } from './actors/cron/errors.js';
export type { Durability } from './actors/durability.js';
export {
  CallbackFailedError,
  CallbackIgnoredError,
  CommandNotObeyedError,
  ExecutorLostError,
  NotDurableError,
  UnreadableAfterwardsError,
  WebhookFailedError,
  WorkerGaveUpError,
  WorkerNameTakenError,
  WorkerStartError,
} from './actors/errors.js';
export { WardenLostError } from './actors/executor/errors.js';
export { DuplicateHandlerError, HandlerModuleError } from './actors/handlers/errors.js';
export type { ObeyedCommands, RemoteCommand } from './actors/obeyed-commands.js';
export type { Outcome, SerializedError } from './actors/outcome.js';
export type { Prefetch } from './actors/prefetch.js';
export type { Settled } from './actors/recorder.js';
export type { WebhookHosts } from './actors/webhook-hosts.js';
export type { WorkerEvents, WorkerSummary } from './actors/worker.js';
export type { Isolation, WorkerOptions } from './actors/worker-options.js';
export { bootCron, type CronEvents, type CronOptions, type RunningCron } from './boot/boot-cron.js';
export {
  bootScheduler,
  type RunningScheduler,
  type SchedulerOptions,
} from './boot/boot-scheduler.js';
export { type BootOptions, bootWorker, type RunningWorker } from './boot/boot-worker.js';
export {
  bootWorkerPool,
  type PoolEvents,
  PoolGaveUpError,
  type PoolOptions,
  type PoolSummary,
  type RunningPool,
} from './boot/boot-worker-pool.js';
export { type InPlaceOptions, rqInPlace } from './boot/rq-in-place.js';
export { CURRENT_JOB, JOB_SIGNAL } from './boot/tokens.js';
export { type AclRole, aclRoles, aclRules } from './redis/acl.js';
export type { Callback, CallbackMoment, CallbackOption, Callbacks } from './redis/callbacks.js';
export type { EncryptionOptions } from './redis/cipher.js';
export type { ClusterAddress } from './redis/cluster-address.js';
export type { RedisAddress } from './redis/connection.js';
export type { ListedCronEntry, ListedCronScheduler } from './redis/cron-records.js';
export type { Dependency, DependsOn, JobReference } from './redis/depends-on.js';
export type { Diagnosis, Level } from './redis/doctor/finding.js';
export type { Duration } from './redis/duration.js';
export {
  DependencyCycleError,
  DuplicateJobError,
  InvalidJobOperationError,
  InvalidNameError,
  InvalidOptionError,
  NoSuchJobError,
  NotReplicatedError,
  OtherSpaceError,
  RedisFullError,
  RedisUnavailableError,
  UncertainWriteError,
  WrongKeyTypeError,
} from './redis/errors.js';
export type { Execution } from './redis/executions.js';
export type { JobOptions } from './redis/job-options.js';
export type { JobRecord } from './redis/job-record.js';
export type { JobResult } from './redis/job-results.js';
export { isTerminal, type JobStatus, jobStatuses, moves } from './redis/job-status.js';
export type { Cursor, EventOf, LifecycleEvent, LifecycleKind } from './redis/lifecycle-event.js';
export {
  type JobCall,
  type SerializerName,
  UndecodablePayloadError,
  UnserializableError,
} from './redis/payload/index.js';
export type { QueueCounts } from './redis/queue-counts.js';
export type { ListedRateLimit } from './redis/rate-limits.js';
export type { RegistryEntry, RegistryKind } from './redis/registry-store.js';
export type { WaitReplicas } from './redis/replicas.js';
export type { Backoff, RepeatOptions, RetryOptions } from './redis/runs-again.js';
export type { StartLimit } from './redis/start-limits.js';
export type { Pause, PauseOptions } from './redis/suspension.js';
export type { RateLimit } from './redis/transitions/enqueue.js';
export { defaultWireSettings, type WireSettings } from './redis/transitions/queue-keys.js';
export type { ClaimedJob, Verdict } from './redis/transitions/settlement.js';
export type { Webhook, WebhookOption } from './redis/webhooks.js';
export { CommandRefusedError, NoAnswerError, NoSuchWorkerError } from './streams/command-errors.js';
export type { DeliveriesOptions } from './streams/deliveries.js';
export { AlreadySettledError, Delivery } from './streams/delivery.js';
export {
  JobCanceledError,
  JobExpiredError,
  JobFailedError,
  ResultLostError,
  ResultTimeoutError,
} from './streams/errors.js';
export { EventStream } from './streams/events.js';
export { FailedQueue, type RequeueOptions } from './streams/failed-queue.js';
export { Group } from './streams/group.js';
export { Job } from './streams/job.js';
export type { From, GapEvent, LogEvent } from './streams/log-page.js';
export { ofKind } from './streams/of-kind.js';
export {
  type Callable,
  type EnqueueOptions,
  type JobSpec,
  type PipelineOptions,
  Queue,
} from './streams/queue.js';
export type { QueueOrder } from './streams/queue-order.js';
export {
  FailedRegistry,
  type Paging,
  type Registries,
  Registry,
  RequeuingRegistry,
  ScheduledRegistry,
} from './streams/registry.js';
export type { MissingResult, Result, ResultEvent } from './streams/results.js';
export { Rq, type RqOptions } from './streams/rq.js';
export type { CommandSent, Pong, WorkerHandle } from './streams/worker-handle.js';
export {
  currentJob,
  DoNotRetryError,
  defineTasks,
  type JobContext,
  NoCurrentJobError,
  RetryError,
  type RetryWish,
  type Task,
} from './tasks.js';
