import { v4 as uuid } from 'uuid';
import type { Cipher } from './cipher.js';
import { fieldsOf, type JobOptions } from './job-options.js';
import { describeCall, encodeCall, encodeCallForWire, type JobCall } from './payload/index.js';
import type { NewJob } from './transitions/enqueue.js';

/**
 * A call as a job that is about to be written, with an id of its own unless the options give one.
 *
 * @throws InvalidOptionError, InvalidNameError, UnserializableError
 */
export const newJobOf = (
  functionName: string,
  args: readonly unknown[],
  options: JobOptions,
  cipher: Cipher | null = null,
): NewJob => {
  const call = { functionName, instance: null, args: [...args], kwargs: options.kwargs ?? {} };
  if (cipher) return sealedJobOf(call, options, cipher);
  return {
    id: options.jobId ?? uuid(),
    ...fieldsOf(options),
    data: encodeCallForWire(call, options.serializer ?? 'json'),
    description: options.description ?? describeCall(call),
  };
};

const sealedJobOf = (call: JobCall, options: JobOptions, cipher: Cipher): NewJob => {
  const id = options.jobId ?? uuid();
  const { fields = [], ...rest } = fieldsOf(options);
  return {
    id,
    ...rest,
    // Names and values in turns.
    fields: fields.map((value, at) =>
      at % 2 === 1 && fields[at - 1] === 'meta' && Buffer.isBuffer(value)
        ? cipher.seal(value, id, 'meta')
        : value,
    ),
    data: cipher.seal(encodeCall(call, options.serializer ?? 'json'), id, 'data'),
    // Everybody may read it, so it holds no arguments.
    description: options.description ?? call.functionName,
  };
};
