import { z } from "zod";
import { configPart } from "./part";
import { port, seconds } from "./variables";

export const indexerPart = configPart({
  environment: {
    INDEXER_PORT: port.default(9464),
    INDEXER_POLL_MS: z.coerce.number().int().min(50).max(60_000).default(1_000),
    INDEXER_LEASE_SECONDS: seconds.default(10),
    INDEXER_RPC_TIMEOUT_MS: z.coerce.number().int().min(100).default(10_000),
  },
  shape: (env): { indexer: IndexerConfig } => ({
    indexer: {
      port: env.INDEXER_PORT,
      pollMs: env.INDEXER_POLL_MS,
      leaseSeconds: env.INDEXER_LEASE_SECONDS,
      rpcTimeoutMs: env.INDEXER_RPC_TIMEOUT_MS,
    },
  }),
});

interface IndexerConfig {
  port: number;
  pollMs: number;
  /** How long a leader may be silent before a standby takes over. */
  leaseSeconds: number;
  rpcTimeoutMs: number;
}
