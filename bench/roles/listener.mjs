import { cpuReading } from '../harness/cpu-reading.mjs';

/** Receives the terminal events of a queue and counts them between `warmUp` and `total`. */
export function play(adapter) {
  let received = 0;
  let started;
  let ended;
  let allReceived;
  const complete = new Promise((resolve) => {
    allReceived = resolve;
  });
  return {
    async listen({ warmUp, total, ...params }) {
      await adapter.listen({
        ...params,
        onFinished(count) {
          received += count;
          if (started === undefined && received >= warmUp) started = { ...cpuReading(), received };
          if (ended === undefined && received >= total) {
            ended = { ...cpuReading(), received };
            allReceived();
          }
        },
      });
    },
    /** What arrived, once everything has or `graceMs` are over. */
    async outcome({ graceMs }) {
      const deadline = new Promise((resolve) => setTimeout(resolve, graceMs).unref());
      await Promise.race([complete, deadline]);
      const last = ended ?? { ...cpuReading(), received };
      const first = started ?? last;
      return {
        received,
        counted: last.received - first.received,
        elapsedMs: last.atMs - first.atMs,
        cpuUs: last.cpuUs - first.cpuUs,
      };
    },
  };
}
