// @ts-check
import { defences } from './security.mjs';

/**
 * @typedef {object} Mutant
 * @property {string} name
 * @property {string} why what breaks for users without the rule
 * @property {string} file below src
 * @property {string} from the rule, exactly as it stands there, once
 * @property {string} to
 * @property {Readonly<Record<string, string>>} red file below test → begin of the name of tests there; of each some must fail
 */

const lua = (/** @type {string} */ name) => `redis/transitions/${name}.lua`;

/**
 * Rules of ours that keep a promise, each with the change that removes it and the tests that must notice.
 * `npm run mutants` tries them one at a time.
 *
 * @type {readonly Mutant[]}
 */
export const mutants = [
  {
    name: 'fencing-compare',
    why: 'an outcome would count though the lease of its execution is gone: a job that was given to another ends twice',
    file: lua('settle-and-claim'),
    from: "elseif redis.call('ZREM', q.wip, member) == 0 then",
    to: "elseif redis.call('ZREM', q.wip, member) < 0 then",
    red: {
      'redis/recover': 'brings the jobs of a dead worker back',
      'redis/operators': 'finds a job whose execution is still running elsewhere',
      'model/model': 'holds with %s',
    },
  },
  {
    name: 'request-id-branch',
    why: 'an exchange that is asked again after a lost reply would claim other jobs, and those of the first reply be nobody’s',
    file: lua('settle-and-claim'),
    from: '  if last == request then',
    to: '  if false then',
    red: {
      'redis/settle': 'a repeated request',
      'streams/lost-replies': 'claims and settles each job once',
      'model/model': 'holds with %s',
    },
  },
  {
    name: 'stale-request',
    why: 'a copy of a call that the network held up would claim jobs that nobody hears of',
    file: lua('settle-and-claim'),
    from: '  if last > request and string.sub(last, 1, 12) == string.sub(request, 1, 12) then',
    to: '  if false then',
    red: { 'redis/settle': 'is refused when its caller went on long ago' },
  },
  {
    name: 'mark-of-the-asked-again',
    why: 'a copy of a call that brought nothing, held up by the network, would claim a job that nobody hears of',
    file: lua('settle-and-claim'),
    from: 'if begun > 0 or isAskedAgain then',
    to: 'if begun > 0 then',
    red: {
      'redis/settle': 'leaves its mark though it brought nothing',
      'model/model': 'holds with %s',
    },
  },
  {
    name: 'observed-unchanged',
    why: 'a worker that renews its lease, late or by another clock, would be taken for dead',
    file: 'actors/janitor.ts',
    from: 'known?.score === score ? known.sinceMs : Math',
    to: 'known ? known.sinceMs : Math',
    red: { 'actors/janitor': 'lets a lease live that moves' },
  },
  {
    name: 'observed-long-enough',
    why: 'after a jump of the clock of Redis, or its absence, every worker would be taken for dead at first sight',
    file: 'actors/janitor.ts',
    from: 'score) >= settings.unchangedForMs',
    to: 'score) >= 0',
    red: { 'actors/janitor': 'recovers a lease that it saw unchanged for long enough' },
  },
  {
    name: 'others-return-later',
    why: 'when Redis comes back, the first worker that is there would take the jobs of those that are still coming',
    file: 'actors/janitor.ts',
    from: 'Math.max(nowMs, fromMs)',
    to: 'nowMs + 0 * fromMs',
    red: { 'actors/janitor': 'believes nothing that it saw before Redis was away' },
  },
  {
    name: 'unblock-on-zero-demand',
    why: 'a blocking pop would bring ids that nobody has room for, before those who wait with room',
    file: 'streams/intake.ts',
    from: 'if (free <= 0) this.releasePops();',
    to: 'if (free <= 0) return;',
    red: { 'streams/deliveries': 'waits for no queue while it has no room' },
  },
  {
    name: 'watchdog-thread',
    why: 'a child in a loop would outlive its worker, and run beside the one that recovered its job',
    file: 'actors/executor/child-main.ts',
    from: '  startWatchdog({ fd:',
    to: '  if (hello.leaseMs < 0) startWatchdog({ fd:',
    red: { 'actors/executor/executor-orphan': 'is gone' },
  },
  {
    name: 'gate',
    why: 'a job that was taken back from a busy child would begin there all the same',
    file: 'actors/executor/gate.ts',
    from: 'if ((seen & 1) === 1) return false;',
    to: 'if (seen < 0) return false;',
    red: { 'actors/executor/executor-process': 'is taken back at once' },
  },
  {
    name: 'token-of-the-channel',
    why: 'a handler could forge outcomes on the control channel of its executor',
    file: 'actors/executor/frames.ts',
    from: 'token.compare(bytes, headLength, tokenEnd) !== 0',
    to: 'token.compare(bytes, headLength, tokenEnd) > 1',
    red: {
      'actors/executor/frames': 'with a wrong token',
      'actors/executor/executor-hostile': '%s: it is killed, its job died',
    },
  },
  {
    name: 'recover-worker-compare',
    why: 'a worker whose lease moved between look and recovery would lose its jobs',
    file: lua('recover'),
    from: 'return score and score == seen and tonumber(score) <= nowMs',
    to: 'return score and tonumber(score) <= nowMs',
    red: { 'redis/recover': 'skips a lease that moved' },
  },
  {
    name: 'recover-job-compare',
    why: 'a job whose lease a Python worker renewed between look and recovery would be taken from it',
    file: lua('recover'),
    from: 'return score and score == seen and tonumber(score) <= nowSeconds',
    to: 'return score and tonumber(score) <= nowSeconds',
    red: { 'redis/recover': 'skips a lease that moved' },
  },
  {
    name: 'recover-beside-another',
    why: 'the leftover of an earlier life would take a running job from the worker that has it',
    file: lua('recover'),
    from: "if f[1] ~= 'started' or isHeldByAnother(id) then return 'd' end",
    to: "if f[1] ~= 'started' then return 'd' end",
    red: { 'redis/recover': 'leaves a running job alone' },
  },
  {
    name: 'recover-limit',
    why: 'a job that kills its worker would kill one after the other, for ever',
    file: lua('parts/bring-back'),
    from: 'or not retriesLeft and recoveries < allowed then',
    to: 'or not retriesLeft then',
    red: { 'redis/recover': 'quarantines a job that was recovered often enough' },
  },
  {
    name: 'fence-of-the-handed-back',
    why: 'a handler that began unheard of would have the same fence as the next run',
    file: lua('recover'),
    from: "redis.call('HSET', jobKey, 'x_attempt', (integer(f[6]) or 0) + 1)",
    to: '',
    red: { 'redis/recover': 'hands back what was held and never begun' },
  },
  {
    name: 'lease-of-the-in-flight',
    why: 'an id that a Python worker is about to start would be run a second time',
    file: lua('recover-intermediate'),
    from: "if redis.call('ZSCORE', KEYS[3], id .. ':' .. execution) then return 0 end",
    to: '',
    red: { 'redis/recover': 'leaves an id alone that Python is starting' },
  },
  {
    name: 'brought-back-once',
    why: 'of two janitors the second would take from a Python worker what the first one has just brought back',
    file: lua('recover-intermediate'),
    from: "if redis.call('EXISTS', broughtBack) == 1 then return 0 end\n",
    to: '',
    red: { 'redis/recover': 'leaves to another worker of Python what one janitor brought back' },
  },
  {
    name: 'extend-only-what-is-there',
    why: 'a worker would go on with a job that was taken from it, and not hear that it is lost',
    file: lua('extend'),
    from: " or not redis.call('ZSCORE', KEYS[1], member) then",
    to: ' then',
    red: { 'redis/leases': 'never brings back a lease that was taken away' },
  },
  {
    name: 'first-write-frees',
    why: 'with a full Redis healthy workers could not renew their leases, and would be taken for dead',
    file: lua('extend'),
    from: "redis.call('ZREM', KEYS[2], '')",
    to: '',
    red: { 'redis/over-maxmemory': 'keeps leases and the worker’s record alive' },
  },
  {
    name: 'types-before-the-first-write',
    why: 'a key of a wrong type would stop the recovery in its middle, and the job be nowhere',
    file: lua('recover'),
    from: 'if wrong then return typeError(wrong) end',
    to: '',
    red: { 'redis/recover': 'writes nothing when a key of the queue has a wrong type' },
  },
  {
    name: 'types-before-the-claim',
    why: 'a key of a wrong type would stop the claim behind the pop, and the id be lost',
    file: lua('settle-and-claim'),
    from: "q.fault = misfit(q.wip, 'zset') or misfit(q.finished, 'zset') or misfit(q.events, 'stream')",
    to: 'q.fault = false',
    red: { 'redis/claim': 'leaves a queue alone whose key' },
  },
  {
    name: 'one-run-at-a-time',
    why: 'an id that stands in a list while its job runs would start it once more',
    file: lua('parts/may-run'),
    from: "elseif status == 'started' and heldByAnyone(q, jobKey, id) then",
    to: "elseif status == 'no status' then",
    red: { 'redis/claim': 'drops the id of a running job' },
  },
  {
    name: 'canceled-stays-canceled',
    why: 'the outcome of a run would bring a canceled job back',
    file: lua('settle-and-claim'),
    from: "local isOurs = status == 'started' or held and status == 'queued' and f[4] == execution",
    to: 'local isOurs = status',
    red: { 'redis/operators': 'is told to the one who runs the job' },
  },
  {
    name: 'enqueue-once',
    why: 'an enqueueing that is asked again after a lost reply would put its job on the queue twice',
    file: lua('parts/new-jobs'),
    from: "elseif redis.call('EXISTS', key) == 1 then",
    to: "elseif redis.call('EXISTS', key) == 2 then",
    red: {
      'redis/enqueue': 'knows its own request again',
      'streams/lost-replies': 'enqueues each job once',
    },
  },
  {
    name: 'quarantine-once',
    why: 'a job that runs, or has failed already, could be put into the FailedQueue by hand once more',
    file: lua('quarantine'),
    from: "if status == 'queued' and f[3] or status ~= 'queued' and status ~= 'created' and status ~= 'scheduled' and status ~= 'deferred'\n  and status ~= 'rate_limited' then",
    to: "if status == '' then",
    red: { 'redis/operators': 'touches no job that somebody has' },
  },
  {
    name: 'requeue-once',
    why: 'two operators who requeue together would put the job on its queue twice',
    file: lua('requeue'),
    from: "elseif status ~= 'failed' and status ~= 'stopped' or not origin or origin == '' then",
    to: "elseif not origin or origin == '' then",
    red: { 'redis/operators': 'moves it once when 50 ask at a time' },
  },
  {
    name: 'requeue-ends-the-old-lease',
    why: 'a canceled job that runs still could be requeued, and its old outcome would end the new run',
    file: lua('requeue-from'),
    from: 'endLeases(KEYS[3], id)\n',
    to: '',
    red: { 'redis/operators': 'takes the lease of a canceled job' },
  },
  {
    name: 'deletion-ends-the-lease',
    why: 'a canceled job that runs still could be deleted, and its outcome would end a new job of the same id',
    file: lua('delete'),
    from: " or status == 'canceled' or f[2] then endLeases",
    to: ' or f[2] then endLeases',
    red: { 'redis/operators': 'ends also the lease of a canceled job that runs still' },
  },
  {
    name: 'requeue-gives-a-new-fence',
    why: 'a canceled job that was claimed ahead and is requeued would have two runs of one fence',
    file: lua('parts/requeue-job'),
    from: '(integer(held[2]) or 0) + 1)',
    to: '(integer(held[2]) or 0))',
    red: { 'redis/operators': 'takes the lease of a canceled job' },
  },
  {
    name: 'event-with-its-change',
    why: 'what changed would not be told',
    file: lua('settle-and-claim'),
    from: '  appendEvents(worker, logLength)\n',
    to: '',
    red: { 'redis/event-log': 'tells what one exchange did in the order' },
  },
  {
    name: 'order-of-events',
    why: 'the log would tell of the next run before the end of the last',
    file: lua('settle-and-claim'),
    from: "rowOf(q.events, 90, 'started'",
    to: "rowOf(q.events, 15, 'started'",
    red: { 'redis/event-log': 'tells what one exchange did in the order' },
  },
  {
    name: 'pipeline-place',
    why: 'two processes that host one pipeline would both pass a result on',
    file: lua('pass-on'),
    from: 'if there ~= ARGV[5] then return there end',
    to: '',
    red: { 'streams/pipeline': 'passes each input on once' },
  },
  {
    name: 'pipeline-jobs-with-their-place',
    why: 'after a restart a pipeline would pass on again what it had passed on',
    file: lua('pass-on'),
    from: "redis.call('SET', KEYS[4], ARGV[6])\n",
    to: '',
    red: { 'streams/pipeline': 'goes on where it was' },
  },
  {
    name: 'one-odd-key',
    why: 'one key that somebody else wrote would keep all failed jobs from their queues, and hide the fleet',
    file: 'redis/wrong-type.ts',
    from: 'error instanceof WrongKeyTypeError ||',
    to: "(error instanceof WrongKeyTypeError && error.key === '') ||",
    red: {
      'streams/wrong-types': 'of a job or of a registry keeps no other',
      'cli/wrong-types': 'is named by info',
    },
  },
  ...defences,
];
