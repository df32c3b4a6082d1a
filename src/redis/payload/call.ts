import { UndecodablePayloadError, UnserializableError } from './errors.js';
import { deflateWhenItPays, inflateIfZlib } from './inflate.js';
import { stringifyJson } from './json.js';
import { type PayloadLimits, payloadLimits } from './limits.js';
import { PickleWriter } from './pickle-writer.js';
import { isEmpty, isPlainObject, kindOf } from './plain.js';
import { deserialize, type SerializerName } from './serializer.js';

export { detectSerializer, type SerializerName } from './serializer.js';

/** What a job calls: RQ's four elements of `data`, in its order (rq-protocol 2.3). */
export interface JobCall {
  functionName: string;
  /** Of a Python bound method. `null` for every function, and for everything that Node enqueues. */
  instance: unknown;
  args: unknown[];
  kwargs: Record<string, unknown>;
}

export interface EncodeCallOptions {
  /** Payloads of at least this many bytes are deflated if that makes them smaller. Default 1024. */
  compressAboveBytes?: number;
  limits?: Partial<PayloadLimits>;
}

const MAX_FUNCTION_NAME_CHARS = 512;
const MARK = 0x28;
const TUPLE = 0x74;

/**
 * A call as the bytes of the field `data`. Hot: once per enqueued job.
 *
 * @throws UnserializableError with the path of the value: `args[0].user.callback is a function`
 */
export function encodeCall(
  call: JobCall,
  serializer: SerializerName = 'json',
  options: EncodeCallOptions = {},
): Buffer {
  const { maxBytes } = payloadLimits(options.limits);
  checkCall(call);
  const bytes =
    serializer === 'json' ? jsonCall(call, options.limits) : pickledCall(call, options.limits);
  if (bytes.length > maxBytes) {
    throw new UnserializableError('the call', `has ${bytes.length} bytes, more than ${maxBytes}`);
  }
  return deflateWhenItPays(bytes, options.compressAboveBytes);
}

/**
 * The same, as text where the bytes are plain JSON: a Redis client sends text several times faster than
 * Buffers among text.
 *
 * @throws UnserializableError as `encodeCall`
 */
export function encodeCallForWire(
  call: JobCall,
  serializer: SerializerName = 'json',
  options: EncodeCallOptions = {},
): string | Buffer {
  if (serializer === 'json') {
    checkCall(call);
    const text = jsonText(call, options.limits);
    // Three bytes a character at most: such a text is below every limit.
    if (text.length * 3 < (options.compressAboveBytes ?? 1024)) return text;
  }
  const bytes = encodeCall(call, serializer, options);
  return bytes[0] === 0x5b ? bytes.toString('utf8') : bytes;
}

/**
 * The call in the field `data`, deflated or not, and the serializer that wrote it, in which the result
 * is to be answered. Hot: once per started job.
 *
 * @throws UndecodablePayloadError naming the layer that is damaged
 */
export function decodeCall(
  data: Uint8Array,
  limits?: Partial<PayloadLimits>,
): { call: JobCall; serializer: SerializerName } {
  const { value, serializer } = deserialize(inflateIfZlib(data, limits), limits);
  return { call: callOf(value), serializer };
}

function callOf(value: unknown): JobCall {
  if (!Array.isArray(value)) throw notACall(`is ${kindOf(value)}, not a list of 4`);
  if (value.length !== 4) throw notACall(`has ${value.length} elements, not 4`);
  const [functionName, instance, args, kwargs] = value as unknown[];
  if (typeof functionName !== 'string') throw notACall(`function name is ${kindOf(functionName)}`);
  const problem = functionNameProblem(functionName);
  if (problem !== null) throw notACall(`function name ${problem}`);
  if (!Array.isArray(args)) throw notACall(`args is ${kindOf(args)}, not a list`);
  if (kwargs instanceof Map) throw notACall('kwargs has a key that is no string');
  if (!isPlainObject(kwargs)) throw notACall(`kwargs is ${kindOf(kwargs)}, not an object`);
  return { functionName, instance, args, kwargs };
}

function checkCall({ functionName, args, kwargs }: JobCall): void {
  const problem = functionNameProblem(functionName);
  if (problem !== null) throw new UnserializableError('functionName', problem);
  if (!Array.isArray(args)) throw new UnserializableError('args', `is ${kindOf(args)}, not a list`);
  if (!isPlainObject(kwargs)) {
    throw new UnserializableError('kwargs', `is ${kindOf(kwargs)}, not an object`);
  }
}

function functionNameProblem(name: string): string | null {
  if (name === '') return 'is empty';
  const isTooLong = name.length > MAX_FUNCTION_NAME_CHARS;
  return isTooLong ? `has more than ${MAX_FUNCTION_NAME_CHARS} characters` : null;
}

function jsonCall(call: JobCall, limits?: Partial<PayloadLimits>): Buffer {
  return Buffer.from(jsonText(call, limits), 'utf8');
}

function jsonText(call: JobCall, limits?: Partial<PayloadLimits>): string {
  const { functionName, instance, args, kwargs } = call;
  const part = (root: string, value: unknown): string =>
    stringifyJson(value, { root, outerDepth: 1, limits });
  // Nearly every call has neither an instance nor keyword arguments.
  const instanceText = isNone(instance) ? 'null' : part('instance', instance);
  const argsText = part('args', args);
  const kwargsText = isEmpty(kwargs) ? '{}' : part('kwargs', kwargs);
  return `[${JSON.stringify(functionName)},${instanceText},${argsText},${kwargsText}]`;
}

function isNone(value: unknown): boolean {
  return value === null || value === undefined;
}

function pickledCall(
  { functionName, instance, args, kwargs }: JobCall,
  limits?: Partial<PayloadLimits>,
): Buffer {
  const writer = new PickleWriter(limits);
  writer.bytes.opcode(MARK);
  writer.write(functionName, { root: 'functionName' });
  writer.write(instance, { root: 'instance', outerDepth: 1 });
  writer.write(args, { root: 'args', outerDepth: 1, tuple: true });
  writer.write(kwargs, { root: 'kwargs', outerDepth: 1 });
  writer.bytes.opcode(TUPLE);
  return writer.bytes.finish();
}

function notACall(reason: string): UndecodablePayloadError {
  return new UndecodablePayloadError('call', reason);
}
