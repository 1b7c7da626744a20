import type { Redis } from "ioredis";
import type { Chain } from "../chain/client";
import type { Config } from "../core/config/config";
import { DomainError } from "../core/errors";
import type { Logger } from "../core/logger";
import type { Mongo } from "../core/mongo";
import { connectionChecks } from "../process/dependencyChecks";
import { createHttpApp } from "./http/httpApp";
import { openBudgets } from "./http/rateLimit";
import { type HttpServer, listen } from "./http/server";
import { type DependencyCheck, watchReadiness } from "../process/health";
import { healthEndpoints, metricsEndpoints } from "./http/operations";
import { createWorkerMetrics } from "./workerMetrics";
import type { WorkerApp } from "./workerApp";
import { openWalletStore } from "./wallets/store";

export interface WorkerOperationsParts {
  config: Pick<Config, "redis" | "http" | "metricsHost" | "workerPort">;
  logger: Logger;
  mongo: Mongo;
  redis: Redis;
  chain: Chain;
  worker: WorkerApp;
}

/** Serves the worker's health and metrics on a listener of their own. */
export async function serveWorkerOperations(parts: WorkerOperationsParts): Promise<HttpServer> {
  const { config, logger, redis, worker, mongo } = parts;
  const metrics = createWorkerMetrics({
    queueDepth: () => worker.queue.depth(),
    transactionsUnderWay: () => worker.relayer.countPending(),
    relayerBalance: () => worker.relayer.balance(),
    anchorings: () => openWalletStore(mongo).countByStatus(),
  });
  const readiness = watchReadiness(dependencyChecks(parts), logger);
  const app = createHttpApp(
    [...healthEndpoints({ readiness }), ...metricsEndpoints({ ...metrics, observeRequest: () => undefined })],
    {
      ...{ logger, publicUrl: config.http.publicUrl, bodyLimitBytes: config.http.bodyLimitBytes, trustProxy: 0 },
      budgets: openBudgets({ redis, prefix: config.redis.prefix }),
      readSession: () =>
        Promise.reject(new DomainError("session.unknown", "unauthenticated", "The worker knows no sessions.")),
      onFinished: () => undefined,
    },
  );
  return listen(app, { host: config.metricsHost, port: config.workerPort });
}

function dependencyChecks({ mongo, redis, chain, worker }: WorkerOperationsParts): DependencyCheck[] {
  return [
    ...connectionChecks({ mongo, redis, chain }, ["mongo", "redis", "chain"]),
    {
      name: "relayer",
      required: false,
      async run() {
        if ((await worker.relayer.balance()) === 0n) throw new Error("the relayer has no money to pay for gas");
        return { underWay: await worker.relayer.countPending() };
      },
    },
  ];
}
