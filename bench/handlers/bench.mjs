// The job of every workload. Imported by nobody but the worker, so that a child that runs it stays
// as light as the library allows; `bench.noop` is its name for rxrq (`<module>.<export>`).

/** Does nothing. Tells the worker role, when it asked for it, that a handler has started. */
export async function noop(arg) {
  globalThis.rxrqBenchOnStart?.(arg);
  return 1;
}
