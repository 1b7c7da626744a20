import { collectDefaultMetrics, Gauge, Registry } from "prom-client";

/** Numbers that are asked for when somebody looks. */
export interface WorkerNumbers {
  /** Jobs waiting, delayed or running. */
  queueDepth(): Promise<number>;
  /** Transactions of the relayer that are not mined yet. */
  transactionsUnderWay(): Promise<number>;
  /** What the relayer can spend, in wei. */
  relayerBalance(): Promise<bigint>;
  /** Wallets by the stored status of their anchoring. */
  anchorings(): Promise<Record<string, number>>;
}

/** The worker's metrics, in Prometheus' form. */
export interface WorkerMetrics {
  text(): Promise<string>;
  contentType: string;
}

/** Makes the worker's metrics in a registry of their own, the process's among them. */
export function createWorkerMetrics(numbers: WorkerNumbers): WorkerMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const gauge = (name: string, help: string, read: () => Promise<number>) =>
    new Gauge({
      ...{ name, help, registers: [registry] },
      async collect() {
        // A source that does not answer makes its own number unknown, not all the others unreadable.
        this.set(await read().catch(() => Number.NaN));
      },
    });
  gauge("cairn_anchoring_queue_depth_jobs", "Anchoring jobs waiting, delayed or running", () => numbers.queueDepth());
  gauge("cairn_relayer_transactions_under_way", "Transactions signed and not yet mined", () =>
    numbers.transactionsUnderWay(),
  );
  gauge(
    "cairn_relayer_balance_ether",
    "What the relayer can spend",
    async () => Number(await numbers.relayerBalance()) / 1e18,
  );
  new Gauge({
    name: "cairn_anchorings",
    help: "Linked wallets by how far the anchoring of their DID is",
    labelNames: ["status"],
    registers: [registry],
    async collect() {
      this.reset();
      const counts = await numbers.anchorings().catch(() => ({}));
      for (const [status, count] of Object.entries(counts)) this.set({ status }, count);
    },
  });
  return { text: () => registry.metrics(), contentType: registry.contentType };
}
