import type { CallbackToRun, JobToRun } from '../job-to-run.js';
import { encodeFrame, type Frame, plainFrameLength, writePlainHead } from './frames.js';
import type { NumberedJob, ParentMessage } from './protocol.js';

// Jobs go without JSON: the message is how many there are, and for each come three doubles, eight lengths,
// its texts in one piece, and its bytes. Lengths within that piece are in UTF-16 units.
const jobHead = 3 * 8 + 8 * 4;
/** In the place of a length: there is none. */
const none = 0xffff_ffff;

type CallbackRow = Omit<CallbackToRun, 'result'>;

/** A message to the child, as bytes. */
export const encodeParentMessage = (message: ParentMessage): Buffer => {
  if (message.kind !== 'run') return encodeFrame(message);
  const { jobs } = message;
  const rows = jobs.map(({ job }) => rowOf(job));
  let length = 0;
  jobs.forEach(({ job: { data, meta, callback } }, at) => {
    length += jobHead + (rows[at] as Row).textBytes + data.length;
    length += (meta?.length ?? 0) + (callback?.result?.length ?? 0);
  });
  const frame = Buffer.allocUnsafe(plainFrameLength(length));
  let at = writePlainHead(frame, 0, jobs.length, length);
  jobs.forEach((numbered, index) => {
    at = writeJob(frame, at, numbered, rows[index] as Row);
  });
  return frame;
};

interface Row {
  readonly text: string;
  readonly textBytes: number;
  readonly callbackLength: number;
}

const rowOf = ({ jobId, execution, queue, callback }: JobToRun): Row => {
  let text = jobId + execution + queue;
  let callbackLength = none;
  if (callback) {
    const { result: _, ...row } = callback;
    const json = JSON.stringify(row satisfies CallbackRow);
    callbackLength = json.length;
    text += json;
  }
  return { text, textBytes: Buffer.byteLength(text), callbackLength };
};

const writeJob = (out: Buffer, start: number, { number, job }: NumberedJob, row: Row): number => {
  const { jobId, execution, queue, attempt, timeoutMs, data, meta, callback } = job;
  const result = callback?.result ?? null;
  let at = out.writeDoubleLE(number, start);
  at = out.writeDoubleLE(attempt, at);
  at = out.writeDoubleLE(timeoutMs ?? -1, at);
  at = out.writeUInt32LE(jobId.length, at);
  at = out.writeUInt32LE(execution.length, at);
  at = out.writeUInt32LE(queue.length, at);
  at = out.writeUInt32LE(row.callbackLength, at);
  at = out.writeUInt32LE(row.textBytes, at);
  at = out.writeUInt32LE(data.length, at);
  at = out.writeUInt32LE(meta?.length ?? none, at);
  at = out.writeUInt32LE(result?.length ?? none, at);
  at += out.write(row.text, at, 'utf8');
  for (const bytes of [data, meta, result]) if (bytes) at += bytes.copy(out, at);
  return at;
};

/** The way back. The child trusts its parent, so nothing is validated here. */
export const decodeParentMessage = ({ message, attachments }: Frame): ParentMessage => {
  if (typeof message !== 'number') return message as ParentMessage;
  const bytes = Buffer.from(attachments);
  const jobs: NumberedJob[] = [];
  for (let at = 0; at < bytes.length; ) at = readJob(bytes, at, jobs);
  return { kind: 'run', jobs };
};

const readJob = (bytes: Buffer, start: number, jobs: NumberedJob[]): number => {
  const lengthAt = (index: number): number => bytes.readUInt32LE(start + 24 + index * 4);
  let at = start + jobHead + lengthAt(4);
  const text = bytes.toString('utf8', start + jobHead, at);
  const take = (length: number): Buffer | null => {
    if (length === none) return null;
    at += length;
    return bytes.subarray(at - length, at);
  };
  const executionAt = lengthAt(0);
  const queueAt = executionAt + lengthAt(1);
  const queueEnd = queueAt + lengthAt(2);
  const timeoutMs = bytes.readDoubleLE(start + 16);
  const job: JobToRun = {
    jobId: text.slice(0, executionAt),
    execution: text.slice(executionAt, queueAt),
    queue: text.slice(queueAt, queueEnd),
    attempt: bytes.readDoubleLE(start + 8),
    timeoutMs: timeoutMs < 0 ? null : timeoutMs,
    data: take(lengthAt(5)) as Buffer,
    meta: take(lengthAt(6)),
  };
  const result = take(lengthAt(7));
  if (lengthAt(3) !== none) {
    job.callback = { ...(JSON.parse(text.slice(queueEnd)) as CallbackRow), result };
  }
  jobs.push({ number: bytes.readDoubleLE(start), job });
  return at;
};
