import type { Command } from 'commander';
import { dependentsOf, statusesOf } from '../../redis/dependents.js';
import type { StoredResult } from '../../redis/job-ends.js';
import type { JobRecord } from '../../redis/job-record.js';
import { type JobResult, readResults } from '../../redis/job-results.js';
import { readResult } from '../../redis/job-store.js';
import type { LifecycleEvent } from '../../redis/lifecycle-event.js';
import { passingOver } from '../../redis/wrong-type.js';
import type { Rq } from '../../streams/rq.js';
import { type CommonOptions, withCommonOptions, withRq } from '../connect.js';
import { escapeLines, escapeText } from '../escape.js';
import { eventDetail, kindText, progressText, utcText } from '../event-line.js';
import { ExitError, exitCodes } from '../exit.js';
import type { Io } from '../io.js';
import { afterwardsAsFields, afterwardsAsJson } from '../job-afterwards.js';
import { readStory } from '../job-story.js';
import { jsonMember, valueText } from '../value-text.js';

/** A result that no serializer of ours reads. */
interface UnreadableResult {
  kind: 'unreadable';
  reason: string;
}

interface WholeJob {
  record: JobRecord;
  /** When it comes to its queue; `null` when it is not scheduled. */
  dueAt: Date | null;
  dependencies: Array<{ jobId: string; status: string | null }>;
  dependents: string[];
  result: StoredResult | UnreadableResult;
  results: JobResult[];
  story: LifecycleEvent[];
  /** Keys of it that have a wrong type: what belongs there is not shown. */
  oddKeys: string[];
}

/** `rxrq job`: everything that is known of a job. */
export const jobCommand = (program: Command, io: Io): void => {
  withCommonOptions(program.command('job'))
    .description('show everything about a job: its fields, its call, its result, its story')
    .argument('<id>', 'which job')
    .action((id: string, options: CommonOptions) =>
      withRq(io, options, async (rq) => {
        const job = await readJob(rq, id);
        if (options.json) io.json(asJson(job));
        else for (const line of asLines(io, job)) io.out(line);
      }),
    );
};

const readJob = async (rq: Rq, id: string): Promise<WholeJob> => {
  try {
    const { job, record } = await rq.fetch(id);
    const odd = new Set<string>();
    const part = <T, U>(reading: Promise<T>, otherwise: U): Promise<T | U> =>
      passingOver(reading, otherwise, ({ message }) => odd.add(message));
    const [dueAt, result, story, results, dependencies, dependents] = await Promise.all([
      part(job.dueAt(), null),
      part(readResultOf(rq, record), null),
      part(readStory(rq.redis, record), []),
      part(readResults(rq.redis, record, 20), []),
      statusesOf(rq.redis, record.dependencyIds),
      part(dependentsOf(rq.redis, id), []),
    ]);
    const ids = dependents.map((dependent) => dependent.id);
    const oddKeys = [...odd].sort();
    return { record, dueAt, result, results, story, dependencies, dependents: ids, oddKeys };
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'NoSuchJobError') throw error;
    throw new ExitError(
      exitCodes.failed,
      `${error.message}: it never was, was deleted, or was kept no longer`,
    );
  }
};

const readResultOf = async (rq: Rq, record: JobRecord): Promise<WholeJob['result']> => {
  try {
    return await readResult(rq.redis, record);
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'UndecodablePayloadError') throw error;
    return { kind: 'unreadable', reason: error.message };
  }
};

/** Jobs of which each gets a line. */
const mostShown = 20;

const iso = (date: Date | null): string | null => date?.toISOString() ?? null;

const fieldsOf = ({ record, dueAt }: WholeJob) => ({
  status: record.status,
  queue: record.origin,
  createdAt: iso(record.createdAt),
  dueAt: iso(dueAt),
  enqueuedAt: iso(record.enqueuedAt),
  startedAt: iso(record.startedAt),
  endedAt: iso(record.endedAt),
  worker: record.workerName || null,
  attempt: record.attempt,
  recoveries: record.recoveries,
  retriesLeft: record.retriesLeft,
  repeatsLeft: record.repeatsLeft,
  timeoutSeconds: record.timeoutSeconds,
  ttlSeconds: record.ttlSeconds,
  resultTtlSeconds: record.resultTtlSeconds,
  failureTtlSeconds: record.failureTtlSeconds,
  serializer: record.serializer,
});

const asJson = (job: WholeJob): object => {
  const { record, result, story } = job;
  return {
    jobId: record.id,
    ...fieldsOf(job),
    description: record.description,
    call: record.call && {
      name: record.call.functionName,
      args: jsonMember(record.call.args),
      kwargs: jsonMember(record.call.kwargs),
    },
    dependencies: job.dependencies,
    allowDependencyFailures: record.allowDependencyFailures,
    dependents: job.dependents,
    ...afterwardsAsJson(record, job.results),
    meta: jsonMember(record.meta),
    progress: progressOf(record),
    result: result?.kind === 'returned' ? jsonMember(result.value) : null,
    traceback: result?.kind === 'failed' ? result.traceback : null,
    problems: [
      ...record.problems,
      ...job.oddKeys,
      ...(result?.kind === 'unreadable' ? [`result: ${result.reason}`] : []),
    ],
    story,
  };
};

const asLines = (io: Io, job: WholeJob): string[] => {
  const { record, result, story, results, dependencies, dependents } = job;
  const { bold, dim, red } = io.colors;
  const lines = [`${bold('job')} ${escapeText(record.id)}`];
  const field = (name: string, value: string): void => {
    lines.push(`  ${dim(name.padEnd(18))} ${value}`);
  };
  for (const [name, value] of Object.entries(fieldsOf(job))) {
    if (value !== null && value !== 0) field(name, escapeText(String(value)));
  }
  field('description', escapeText(record.description));
  if (record.call) {
    field('call', escapeText(record.call.functionName));
    for (const [index, value] of record.call.args.entries())
      field(`  ${index + 1}`, cut(valueText(value)));
    for (const [key, value] of Object.entries(record.call.kwargs))
      field(`  ${escapeText(key, 60)}`, cut(valueText(value)));
  }
  for (const { jobId, status } of dependencies.slice(0, mostShown))
    field('waits for', escapeText(`${jobId} (${status ?? 'gone'})`));
  if (dependencies.length > mostShown) field('', `and ${dependencies.length - mostShown} more`);
  if (record.allowDependencyFailures) field('', 'which may fail');
  for (const id of dependents.slice(0, mostShown)) field('waited for by', escapeText(id));
  if (dependents.length > mostShown) field('', `and ${dependents.length - mostShown} more`);
  for (const [name, text] of afterwardsAsFields(record, results)) field(name, text);
  if (Object.keys(record.meta).length > 0) field('meta', cut(valueText(record.meta)));
  const progress = progressOf(record);
  if (progress !== null) field('progress', progressText(progress));
  for (const problem of [...record.problems, ...job.oddKeys])
    field('problem', red(escapeText(problem)));
  if (result?.kind === 'unreadable') field('problem', red(`result: ${escapeText(result.reason)}`));
  if (result?.kind === 'returned') field('result', cut(valueText(result.value)));
  if (result?.kind === 'failed') {
    lines.push(red('traceback'), ...escapeLines(result.traceback).map((line) => `  ${line}`));
  }
  lines.push(bold('story'));
  for (const event of story) lines.push(`  ${storyLine(io, event)}`);
  if (story.length === 0) lines.push(dim('  the log holds nothing of it'));
  return lines;
};

const storyLine = ({ colors }: Io, event: LifecycleEvent): string => {
  const worker = event.worker ? colors.dim(` by ${escapeText(event.worker)}`) : '';
  return `${colors.dim(utcText(event.at))} ${kindText(event.kind, colors)} ${eventDetail(event)}${worker}`;
};

const progressOf = (record: JobRecord): unknown => {
  const text = record.hash.get('x_progress')?.toString('utf8');
  if (text === undefined) return null;
  try {
    return JSON.parse(text);
  } catch {
    return text; // Somebody else's field of this name: shown as it is.
  }
};

const cut = (text: string): string => (text.length > 2_000 ? `${text.slice(0, 2_000)}…` : text);
