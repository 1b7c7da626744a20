/**
 * An indexer in a process of its own that kills itself (SIGKILL) or stops dead (SIGSTOP) at a named point. Arguments, as
 * one JSON text: `{ rpcUrl, mongodbUri, deploymentsDir, leaseSeconds, at, occurrence, signal, reindexOnReset }`.
 */
import { systemClock } from "../../core/clock";
import { loadConfig } from "../../core/config/config";
import { loadDeployment } from "../../chain/deployment";
import { createLogger } from "../../core/logger";
import { connectMongo } from "../../core/mongo";
import { createActivity } from "../../indexer/activity";
import { createMetrics } from "../../indexer/metrics";
import { runIndexer } from "../../indexer/sync/leader";

interface Arguments {
  rpcUrl: string;
  mongodbUri: string;
  deploymentsDir: string;
  leaseSeconds: number;
  at: string | null;
  occurrence: number;
  signal: "SIGKILL" | "SIGSTOP";
}

async function main(options: Arguments): Promise<void> {
  const config = loadConfig("indexer", {
    NODE_ENV: "test",
    RPC_URL: options.rpcUrl,
    MONGODB_URI: options.mongodbUri,
    DEPLOYMENTS_DIR: options.deploymentsDir,
    INDEXER_LEASE_SECONDS: String(options.leaseSeconds),
    INDEXER_POLL_MS: "50",
  });
  const stopping = new AbortController();
  process.stdin.on("end", () => process.exit(0)).resume();
  let left = options.occurrence;
  await runIndexer({
    mongo: await connectMongo({ uri: config.mongodbUri, name: "crashing-indexer" }),
    config,
    readDeployment: () => loadDeployment(config.chain),
    clock: systemClock,
    logger: createLogger({ ...config, logLevel: "info" }),
    metrics: createMetrics(),
    activity: createActivity(),
    terminal: { write: () => undefined },
    stopping: stopping.signal,
    reindexOnReset: true,
    onCrashPoint(point) {
      if (point !== options.at || --left > 0) return;
      process.stdout.write(`${JSON.stringify({ reached: point })}\n`);
      process.kill(process.pid, options.signal);
    },
  });
}

void main(JSON.parse(process.argv[2] ?? "{}") as Arguments);
