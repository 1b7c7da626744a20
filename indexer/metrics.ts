import { Counter, Gauge, Histogram, Registry } from "prom-client";

/** What the indexer counts and measures, in Prometheus' form. */
export type IndexerMetrics = ReturnType<typeof createMetrics>;

/** Makes the indexer's metrics in a registry of their own. */
export function createMetrics() {
  const registry = new Registry();
  return { registry, ...progressMetrics([registry]), ...rpcMetrics([registry]), ...leaseMetrics([registry]) };
}

/** How far the index is, and how much was written. */
function progressMetrics(registers: [Registry]) {
  return {
    headBlock: new Gauge({ name: "cairn_indexer_head_block", help: "The chain's newest block", registers }),
    indexedBlock: new Gauge({ name: "cairn_indexer_indexed_block", help: "The last block in the index", registers }),
    verifiedBlock: new Gauge({
      name: "cairn_indexer_verified_block",
      help: "Up to here every identity's counters were compared with the chain's",
      registers,
    }),
    events: new Counter({ name: "cairn_indexer_events_total", help: "Events written to the index", registers }),
    blocks: new Counter({ name: "cairn_indexer_blocks_total", help: "Blocks written to the index", registers }),
    visibleSeconds: new Histogram({
      name: "cairn_indexer_head_to_database_seconds",
      help: "From the moment the indexer learned of a block until the block is in the index",
      buckets: [0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    reorgs: new Counter({ name: "cairn_indexer_reorgs_total", help: "Reorgs followed", registers }),
    reorgDepth: new Histogram({
      name: "cairn_indexer_reorg_depth_blocks",
      help: "Blocks dropped by a reorg",
      buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 1024],
      registers,
    }),
    unverified: new Gauge({
      name: "cairn_indexer_unverified_identities",
      help: "Identities whose counters do not agree with the chain's",
      registers,
    }),
    incompleteBlocks: new Gauge({
      name: "cairn_indexer_incomplete_blocks",
      help: "Blocks whose logs may be incomplete",
      registers,
    }),
  };
}

/** Requests to nodes, and what went wrong with them. */
function rpcMetrics(registers: [Registry]) {
  return {
    requests: new Counter({
      name: "cairn_indexer_rpc_requests_total",
      help: "Requests sent to nodes",
      labelNames: ["endpoint", "method"] as const,
      registers,
    }),
    errors: new Counter({
      name: "cairn_indexer_rpc_errors_total",
      help: "Requests that failed or whose answer was wrong, by kind",
      labelNames: ["endpoint", "kind"] as const,
      registers,
    }),
    retries: new Counter({
      name: "cairn_indexer_rpc_retries_total",
      help: "Queries tried again after every endpoint failed",
      registers,
    }),
    repairedLogs: new Counter({
      name: "cairn_indexer_repaired_logs_total",
      help: "Logs that a node had left out and that were found elsewhere",
      registers,
    }),
  };
}

function leaseMetrics(registers: [Registry]) {
  return {
    leading: new Gauge({ name: "cairn_indexer_leading", help: "1 while this process holds the lease", registers }),
    leaseHolder: new Gauge({
      name: "cairn_indexer_lease_holder",
      help: "1 for the process that held the lease when this one last read it",
      labelNames: ["holder"] as const,
      registers,
    }),
    term: new Gauge({
      name: "cairn_indexer_lease_term",
      help: "The fencing token of the current lease",
      registers,
    }),
  };
}
