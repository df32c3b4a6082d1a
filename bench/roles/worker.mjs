import { cpuReading } from '../harness/cpu-reading.mjs';
import { monotonicMs } from '../harness/monotonic-ms.mjs';

/** Works off queues, and reads its own CPU time or the latencies of its handlers when asked. */
export function play(adapter) {
  const latenciesMs = [];
  return {
    async start({ recordLatency, ...params }) {
      if (recordLatency) {
        globalThis.rxrqBenchOnStart = ({ sentMs }) => latenciesMs.push(monotonicMs() - sentMs);
      }
      await adapter.startWorker(params);
    },
    cpu: cpuReading,
    latencies: () => latenciesMs,
  };
}
