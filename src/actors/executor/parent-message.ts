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
];

/** A message to the child, as bytes. Jobs go as rows, their bytes behind the JSON, uncopied by it. */
export const encodeParentMessage = (message: ParentMessage): Buffer => {
  if (message.kind !== 'run') return encodeFrame(message);
  const attachments: Buffer[] = [];
  const jobs = message.jobs.map(({ number, job }): JobRow => {
    attachments.push(job.data);
    if (job.meta) attachments.push(job.meta);
    const { jobId, execution, queue, attempt, timeoutMs, data, meta } = job;
    return [number, jobId, execution, queue, attempt, timeoutMs, data.length, meta?.length ?? -1];
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
    const data = take(dataLength);
    const meta = metaLength < 0 ? null : take(metaLength);
    return { number, job: { jobId, execution, queue, attempt, timeoutMs, data, meta } };
  });
  return { kind: 'run', jobs };
};
