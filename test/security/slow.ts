/** More than any reader may take for one input, in milliseconds of the processor. */
export const slowMs = 500;

/**
 * How long `work` takes, in milliseconds of the processor: other processes of a loaded machine do not count. What the
 * engine does by itself meanwhile does, so that what seems slow is tried again: the least of three is the work's own.
 */
export const cpuMsOf = (work: () => unknown): number => {
  let least = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < 3 && least > slowMs; tries++) {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1_000);
  }
  return least;
};
