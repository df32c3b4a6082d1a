/** The bench cannot start as it was asked to: the message says what to change, a stack would not help. */
export class CannotRunError extends Error {
  name = 'CannotRunError';
}
