/** Has SIGTERM and SIGINT stop it, until it is down. */
export const stopOnSignals = (stop: () => Promise<void>, done: Promise<void>): void => {
  const onSignal = (): void => void stop();
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  const off = (): void => {
    process.off('SIGTERM', onSignal);
    process.off('SIGINT', onSignal);
  };
  done.then(off, off);
};
