import { neededVariables } from '../actors/executor/child-environment.js';
import type { Executor, ExecutorEvents } from '../actors/executor/executor.js';
import { ExecutorProcess } from '../actors/executor/executor-process.js';
import { InlineExecutor } from '../actors/executor/inline-executor.js';
import { SealedExecutor } from '../actors/executor/sealed-executor.js';
import { Warden } from '../actors/executor/warden.js';
import type { WorkerPlan } from '../actors/worker-options.js';
import { createExecutorRuntime, type RuntimeConfig } from './executor-runtime.js';

/** The executor that a plan's isolation asks for, with the same runtime wherever it runs. */
export const makeExecutorOf = (
  modules: readonly string[],
  config: RuntimeConfig,
  onTrouble: (error: unknown) => void,
) => {
  let warden: Warden | null = null;
  return (plan: WorkerPlan, events: ExecutorEvents): Executor => {
    // Children for one job each have one for all; those that stay have a watchdog each, which can also take jobs back.
    if (plan.isolation === 'fork-per-job')
      warden ??= new Warden(plan.wire.narrowLeaseMs, onTrouble);
    const make = (inner: ExecutorEvents): Executor =>
      plainExecutor(modules, config, plan, warden, inner);
    return plan.cipher ? new SealedExecutor(plan.cipher, make, events) : make(events);
  };
};

const plainExecutor = (
  modules: readonly string[],
  config: RuntimeConfig,
  plan: WorkerPlan,
  warden: Warden | null,
  events: ExecutorEvents,
): Executor => {
  const { killGraceMs: graceMs, maxResultBytes } = plan;
  if (plan.isolation === 'inline') {
    const runtime = () => createExecutorRuntime({ modules, config });
    return new InlineExecutor(
      { runtime, concurrency: plan.concurrency, graceMs, maxResultBytes },
      events,
    );
  }
  return new ExecutorProcess(
    {
      modules,
      // Bundled for the children, as their entry is.
      bootModule: new URL('../executor/executor-runtime.js', import.meta.url).href,
      config,
      graceMs,
      maxResultBytes,
      leaseMs: plan.wire.narrowLeaseMs,
      warden,
      maxRssBytes: plan.killAboveMiB * 1_048_576,
      environment: {
        set: plan.env,
        ...(plan.inheritEnv && { inherit: [...neededVariables, ...plan.inheritEnv] }),
      },
    },
    events,
  );
};
