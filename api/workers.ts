import type { Relayer } from "../chain/relayer/relayer";
import type { RunningWorker } from "../core/jobs/worker";
import type { Context } from "../process/context";
import type { DependencyCheck } from "../process/health";
import type { GaugeDefinition } from "../process/metrics";
import { createProcessRelayer } from "../process/relayer";
import type { Module } from "./http/module";

/** Workers of modules at work, and the relayer they send with. */
export interface RunningWorkers {
  relayer: Relayer;
  /** By the name of their definition. */
  running: ReadonlyMap<string, RunningWorker>;
  metrics: GaugeDefinition[];
  health: DependencyCheck[];
  /** Ends the workers, then the relayer they send with. */
  close(deadlineMs: number): Promise<void>;
}

/** Starts the relayer and every worker of the modules. The indexes of the database must exist. */
export function startWorkers(context: Context, modules: Module[]): RunningWorkers {
  const handlers = Object.assign({}, ...modules.map(({ relayHandlers }) => relayHandlers)) as Module["relayHandlers"];
  const { relayer, metrics, health } = createProcessRelayer(context, handlers);
  relayer.start();
  const definitions = modules.flatMap(({ workers }) => workers);
  const running = new Map(definitions.map(({ name, start }) => [name, start({ relayer })]));
  return {
    relayer,
    running,
    metrics,
    health,
    async close(deadlineMs) {
      await Promise.all([...running.values()].map((worker) => worker.close(deadlineMs)));
      await relayer.close();
    },
  };
}
