import type { RelayHandler } from "../../chain/relayer/handlers";
import type { Relayer } from "../../chain/relayer/relayer";
import type { RunningWorker } from "../../core/jobs/worker";
import type { DependencyCheck } from "../../process/health";
import { type GaugeDefinition, readByLabel } from "../../process/metrics";
import type { Endpoint, EndpointPort } from "./endpoint";

/** A queue as the process around it sees it. */
export interface ModuleQueue {
  readonly name: string;
  /** Jobs waiting, delayed or running. */
  depth(): Promise<number>;
  close(): Promise<void>;
}

/** A background worker of a slice; only the worker process starts it. */
export interface WorkerDefinition {
  name: string;
  start(runtime: { relayer: Relayer }): RunningWorker;
}

/** What a slice offers the processes that serve it, as data; creating it starts nothing. */
export interface Module<Ports = unknown> {
  name: string;
  endpoints: Endpoint[];
  workers: WorkerDefinition[];
  /** Called by the relayer with what becomes of the slice's transactions, by kind. */
  relayHandlers: Record<string, RelayHandler>;
  queues: ModuleQueue[];
  metrics: GaugeDefinition[];
  /** Dependencies beyond those that every process checks. */
  health: DependencyCheck[];
  /** What other slices may call. */
  ports: Ports;
  /** Changes operations of any slice, for instance to reject holders that are not verified. */
  policy?: (endpoints: Endpoint[]) => Endpoint[];
  close(): Promise<void>;
}

/** Completes a module: a side that a slice does not have is empty; closing closes its queues. */
export function defineModule<Ports>(
  given: Pick<Module<Ports>, "name" | "ports"> & Partial<Module<Ports>>,
): Module<Ports> {
  const queues = given.queues ?? [];
  return {
    endpoints: [],
    workers: [],
    relayHandlers: {},
    queues,
    metrics: [],
    health: [],
    async close() {
      await Promise.all(queues.map((queue) => queue.close()));
    },
    ...given,
  };
}

/**
 * The endpoints of modules by the port that serves them, after every module's policy.
 *
 * @param others endpoints of no module
 */
export function endpointsOf(modules: Module[], others: Endpoint[] = []): Record<EndpointPort, Endpoint[]> {
  const declared = [...modules.flatMap(({ endpoints }) => endpoints), ...others];
  const all = modules.reduce((endpoints, { policy }) => policy?.(endpoints) ?? endpoints, declared);
  return {
    public: all.filter(({ port }) => port !== "internal"),
    internal: all.filter(({ port }) => port === "internal"),
  };
}

/** What the metrics show of modules: their own gauges, and the depths of their queues. */
export function gaugesOf(modules: Module[]): GaugeDefinition[] {
  const queues = modules.flatMap((module) => module.queues);
  const depths: GaugeDefinition = {
    name: "cairn_queue_depth_jobs",
    help: "Jobs waiting, delayed or running",
    labelNames: ["queue"],
    read: () => readByLabel("queue", Object.fromEntries(queues.map((queue) => [queue.name, () => queue.depth()]))),
  };
  return [...modules.flatMap(({ metrics }) => metrics), depths];
}
