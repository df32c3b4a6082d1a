/** Milliseconds on the machine's monotonic clock, comparable between processes. */
export function monotonicMs() {
  return Number(process.hrtime.bigint()) / 1e6;
}
