import { WrongKeyTypeError } from './errors.js';

/** Who is told of a key of a wrong type that others are read without. It names the key. */
export type TellWrongType = (error: Error) => void;

/** Whether a key has another type than the command, or the script, was for. */
export const isWrongType = (error: unknown): error is Error =>
  error instanceof WrongKeyTypeError ||
  // Of a command within a script or a transaction, which does not say whose key it was.
  (error instanceof Error && error.message.startsWith('WRONGTYPE'));

/** For what cannot be told without this key: it is not passed over. */
export const refuse: TellWrongType = (error) => {
  throw error;
};

/** What a command of a pipeline came to. */
export type Reply = readonly [error: Error | null, value: unknown];

/** A reply of a pipeline; `otherwise` for a key of a wrong type, which is told. @throws any other error of the reply */
export const replyOr = <U>([error, reply]: Reply, otherwise: U, tell: TellWrongType): unknown => {
  if (!error) return reply;
  if (!isWrongType(error)) throw error;
  tell(error);
  return otherwise;
};

/**
 * What is read of one thing among others; `otherwise` where its key has a wrong type: anybody may have written anything
 * under any name, and that must not hide the rest.
 */
export const passingOver = async <T, U>(
  reading: Promise<T>,
  otherwise: U,
  tell: TellWrongType,
): Promise<T | U> => {
  try {
    return await reading;
  } catch (error) {
    if (!isWrongType(error)) throw error;
    tell(error);
    return otherwise;
  }
};
