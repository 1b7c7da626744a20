import { systemClock } from "../../core/clock";
import { createActivity } from "../../indexer/activity";
import { createMetrics } from "../../indexer/metrics";
import { runIndexer } from "../../indexer/sync/leader";
import { loadConfig } from "../../core/config/config";
import type { Context } from "../../process/context";
import type { ContextOptions } from "./testContext";

/**
 * Runs the indexer in this process on a context's chain and database.
 *
 * @returns once it has caught up, what stops it
 */
export async function followChain(
  { mongo, logger, chain }: Pick<Context, "mongo" | "logger" | "chain">,
  { environment }: Pick<ContextOptions, "environment">,
): Promise<() => Promise<void>> {
  const stopping = new AbortController();
  const config = loadConfig("indexer", { NODE_ENV: "test", ...environment, INDEXER_POLL_MS: "50" });
  let ended: Promise<void> | undefined;
  await new Promise<void>((resolve, reject) => {
    ended = runIndexer({
      mongo,
      config,
      clock: systemClock,
      logger,
      metrics: createMetrics(),
      activity: createActivity(),
      stopping: stopping.signal,
      readDeployment: () => chain.deployment,
      terminal: { write: () => true, isTTY: false },
      onReady: resolve,
    });
    ended.catch(reject);
  });
  return async () => {
    stopping.abort();
    await ended;
  };
}
