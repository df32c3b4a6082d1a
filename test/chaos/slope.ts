/** A number that was read at a moment, in minutes. */
export interface Reading {
  readonly minute: number;
  readonly value: number;
}

/**
 * How much it grows in a minute: the median of the slopes between all pairs (Theil and Sen), which a few odd readings do not
 * move. The first third is left out: a process that has just begun grows into its work.
 */
export const slopeOf = (readings: readonly Reading[]): number => {
  const settled = readings.slice(Math.floor(readings.length / 3));
  const slopes = settled.flatMap((from, at) =>
    settled.slice(at + 1).map((to) => (to.value - from.value) / (to.minute - from.minute)),
  );
  slopes.sort((a, b) => a - b);
  return slopes[Math.floor(slopes.length / 2)] ?? 0;
};
