import { v4 as uuid } from 'uuid';
import { fieldsOf, type JobOptions } from './job-options.js';
import { describeCall, encodeCallForWire } from './payload/index.js';
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
): NewJob => {
  const call = { functionName, instance: null, args: [...args], kwargs: options.kwargs ?? {} };
  return {
    id: options.jobId ?? uuid(),
    ...fieldsOf(options),
    data: encodeCallForWire(call, options.serializer ?? 'json'),
    description: options.description ?? describeCall(call),
  };
};
