import type { CallbackToRun, JobToRun } from '../job-to-run.js';
import { encodeFrame, type Frame } from './frames.js';
import type { NumberedJob, ParentMessage } from './protocol.js';

type JobRow = [
  number: number,
  jobId: string,
  execution: string,
  queue: string,
  attempt: number,
  timeoutMs: number | null,
  dataLength: number,
  metaLength: number,
  callback?: CallbackRow,
];

type CallbackRow = Omit<CallbackToRun, 'result'> & { readonly resultLength: number };

/** A message to the child, as bytes. Jobs go as rows, their bytes behind the JSON, uncopied by it. */
export const encodeParentMessage = (message: ParentMessage): Buffer => {
  if (message.kind !== 'run') return encodeFrame(message);
  const attachments: Buffer[] = [];
  const jobs = message.jobs.map(({ number, job }): JobRow => {
    attachments.push(job.data);
    if (job.meta) attachments.push(job.meta);
    const { jobId, execution, queue, attempt, timeoutMs, data, meta } = job;
    const row: JobRow = [
      number,
      jobId,
      execution,
      queue,
      attempt,
      timeoutMs,
      data.length,
      meta?.length ?? -1,
    ];
    if (job.callback) {
      const { result, ...callback } = job.callback;
      if (result) attachments.push(result);
      row.push({ ...callback, resultLength: result?.length ?? -1 });
    }
    return row;
  });
  return encodeFrame({ kind: 'run', jobs }, attachments);
};

/** The way back. The child trusts its parent, so nothing is validated here. */
export const decodeParentMessage = ({ message, attachments }: Frame): ParentMessage => {
  const decoded = message as ParentMessage;
  if (decoded.kind !== 'run') return decoded;
  let at = 0;
  const take = (length: number): Buffer => {
    at += length;
    return attachments.subarray(at - length, at);
  };
  const rows = decoded.jobs as unknown as JobRow[];
  const jobs = rows.map((row): NumberedJob => {
    const [number, jobId, execution, queue, attempt, timeoutMs, dataLength, metaLength] = row;
    const callbackRow = row[8];
    const data = take(dataLength);
    const meta = metaLength < 0 ? null : take(metaLength);
    const job: JobToRun = { jobId, execution, queue, attempt, timeoutMs, data, meta };
    if (callbackRow) {
      const { resultLength, ...callback } = callbackRow;
      job.callback = { ...callback, result: resultLength < 0 ? null : take(resultLength) };
    }
    return { number, job };
  });
  return { kind: 'run', jobs };
};
