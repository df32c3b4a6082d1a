export {
  decodeCall,
  detectSerializer,
  encodeCall,
  encodeCallForWire,
  type JobCall,
  type SerializerName,
} from './call.js';
export { describeCall } from './describe-call.js';
export { UndecodablePayloadError, UnserializableError } from './errors.js';
export type { PayloadLimits } from './limits.js';
export {
  decodeExcInfo,
  decodeExcString,
  decodeMeta,
  decodeResultReturnValue,
  decodeValue,
  encodeValue,
} from './value.js';
