import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import type { Redis } from 'ioredis';
import { InvalidOptionError } from './errors.js';
import { checkKnown } from './known-options.js';
import { UndecodablePayloadError } from './payload/errors.js';

/** Encrypts what jobs carry: arguments, meta, results and tracebacks. Names, times and events stay plain. */
export interface EncryptionOptions {
  /** Keys of 32 bytes by their ids: 1 to 32 of A-Z a-z 0-9 _ -. */
  keys: Readonly<Record<string, Uint8Array>>;
  /** Id of the key that encrypts; the others only decrypt what was written with them. */
  current: string;
  /** Whether what is not encrypted is refused: then only who has a key can make jobs. Default false. */
  required?: boolean;
}

/** What a ciphertext is of. With the job's id it is bound into it, so that it cannot be moved elsewhere. */
export type SealedField = 'data' | 'meta' | 'result' | 'traceback';

// 0x00 opens no JSON, no pickle and no zlib stream, so that no other reader takes it for its own.
const opening = [0x00, 0x01];
const nonceBytes = 12;
const tagBytes = 16;
const keyId = /^[A-Za-z0-9_-]{1,32}$/;
const textOpening = 'rxrq-sealed:';
// A traceback that was put behind a sentence of ours has it in its middle.
const sealedText = /rxrq-sealed:([A-Za-z0-9+/]+={0,2})/;

const known = new Set(['keys', 'current', 'required']);

/** AES-256-GCM around a serializer's bytes. Its keys are in nothing that is printed. */
export class Cipher {
  readonly #keys = new Map<string, KeyObject>();
  readonly #current: string;
  readonly #isRequired: boolean;

  /** @throws InvalidOptionError, without any part of a key */
  constructor(options: EncryptionOptions) {
    checkKnown(options, known, 'encryption.');
    const { keys, current, required = false } = options;
    if (typeof keys !== 'object' || keys === null)
      throw new InvalidOptionError('encryption.keys', 'it must be keys by their ids');
    for (const [id, key] of Object.entries(keys)) {
      if (!keyId.test(id))
        throw new InvalidOptionError('encryption.keys', 'an id must be 1 to 32 of A-Z a-z 0-9 _ -');
      if (!(key instanceof Uint8Array) || key.length !== 32)
        throw new InvalidOptionError(`encryption.keys.${id}`, 'it must be 32 bytes');
      this.#keys.set(id, createSecretKey(key));
    }
    if (!this.#keys.has(current))
      throw new InvalidOptionError('encryption.current', 'it must be the id of one of the keys');
    this.#current = current;
    this.#isRequired = required;
  }

  seal(plain: Uint8Array, jobId: string, field: SealedField): Buffer {
    const id = Buffer.from(this.#current);
    const nonce = randomBytes(nonceBytes);
    const head = Buffer.concat([Buffer.from([...opening, id.length]), id, nonce]);
    const cipher = createCipheriv('aes-256-gcm', this.#keys.get(this.#current) as KeyObject, nonce);
    cipher.setAAD(boundTo(head, jobId, field));
    return Buffer.concat([head, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  }

  /** The bytes inside; plain ones as they are, unless they are refused. @throws UndecodablePayloadError layer `encryption` */
  open(bytes: Buffer, jobId: string, field: SealedField): Buffer {
    if (!isSealed(bytes)) {
      if (this.#isRequired) throw unsealable(`${field} is not encrypted, and must be`);
      return bytes;
    }
    const headBytes = 3 + (bytes[2] ?? 0) + nonceBytes;
    if (bytes.length < headBytes + tagBytes) throw unsealable(`${field} is cut off`);
    const id = bytes.toString('latin1', 3, headBytes - nonceBytes);
    const key = this.#keys.get(id);
    if (!key) throw unsealable(`${field} needs the key ${JSON.stringify(id)}, which is not here`);
    const head = bytes.subarray(0, headBytes);
    const nonce = head.subarray(headBytes - nonceBytes);
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
    decipher.setAAD(boundTo(head, jobId, field));
    decipher.setAuthTag(bytes.subarray(bytes.length - tagBytes));
    const plain = decipher.update(bytes.subarray(headBytes, bytes.length - tagBytes));
    try {
      return Buffer.concat([plain, decipher.final()]);
    } catch {
      // OpenSSL knows no more than that.
      throw unsealable(`${field} was changed, or belongs to another job or field`);
    }
  }

  /** A traceback, in letters: its field is text. */
  sealText(text: string, jobId: string): string {
    return textOpening + this.seal(Buffer.from(text), jobId, 'traceback').toString('base64');
  }

  /** @throws UndecodablePayloadError. Never for text that is not encrypted: workers write their own about a job. */
  openText(text: string, jobId: string): string {
    const [whole, sealed] = sealedText.exec(text) ?? [];
    if (whole === undefined || sealed === undefined) return text;
    const plain = this.open(Buffer.from(sealed, 'base64'), jobId, 'traceback').toString();
    return text.replace(whole, () => plain);
  }
}

/** Whether these bytes were encrypted by a `Cipher`. */
export const isSealed = (bytes: Uint8Array): boolean =>
  bytes[0] === opening[0] && bytes[1] === opening[1];

const boundTo = (head: Buffer, jobId: string, field: SealedField): Buffer =>
  Buffer.concat([head, Buffer.from(JSON.stringify([jobId, field]))]);

const unsealable = (reason: string): UndecodablePayloadError =>
  new UndecodablePayloadError('encryption', reason);

const ofConnections = new WeakMap<Redis, Cipher>();

/** Gives a connection its keys, as it has its address and its user: whoever reads jobs over it reads them plain. */
export const readWith = (redis: Redis, cipher: Cipher | null): void => {
  if (cipher) ofConnections.set(redis, cipher);
};

/** The keys of a connection; `undefined` for none. */
export const cipherOf = (redis: Redis): Cipher | undefined => ofConnections.get(redis);
