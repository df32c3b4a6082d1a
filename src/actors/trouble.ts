/**
 * Tells trouble to whoever listens, else to the process, as a warning: nothing that an operator may have to see to is
 * swallowed. Never throws: neither does what a listener throws cost anybody anything.
 */
export const troubleTo =
  (listener: ((error: unknown) => void) | undefined) =>
  (error: unknown): void => {
    try {
      if (listener) listener(error);
      else warn(error);
    } catch (thrown) {
      warn(thrown);
    }
  };

const warn = (error: unknown): void => {
  if (error instanceof Error) process.emitWarning(error.message, error.name);
  else process.emitWarning(String(error));
};
