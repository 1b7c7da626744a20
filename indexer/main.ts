import { setFlagsFromString } from "node:v8";
import { loadDeployment } from "../chain/deployment";
import { systemClock } from "../core/clock";
import { type Config, loadConfig } from "../core/config/config";
import { createLogger, type Logger } from "../core/logger";
import { ensureIndexes, type Mongo } from "../core/mongo";
import { chainCheck } from "../process/chainCheck";
import { connect } from "../process/connections";
import { mongoHealth } from "../process/dependencyChecks";
import { watchReadiness } from "../process/health";
import { runProcess } from "../process/lifecycle";
import { createProcessMetrics } from "../process/metrics";
import { type OperationsServer, serveOperations } from "../process/operationsServer";
import { CHECKPOINT_ID, createRegistryCollections } from "../projection/models";
import { type Command, parseCommand } from "./commands/parse";
import { runCommand } from "./commands/run";
import { type Activity, createActivity } from "./activity";
import { createMetrics, type IndexerMetrics } from "./metrics";
import { type HealthDeps, indexCheck, lagGauges } from "./readiness";
import { runIndexer } from "./sync/leader";

const NAME = "indexer";

/** Follows the chain until the process is told to stop. */
function follow(options: { reindexOnReset: boolean }): Promise<void> {
  return runProcess({
    name: NAME,
    async start({ onClose, stopping }) {
      collectEarly();
      const config = loadConfig(NAME);
      const logger = createLogger(config);
      const checks = [chainCheck(config.chain)];
      const { mongo } = await connect(config, { parts: ["mongo"], checks, logger, onClose });
      const metrics = createMetrics();
      const activity = createActivity();
      const operations = await serveHealth({ config, logger, mongo, metrics, activity });
      onClose("operations server", operations.close);
      await ensureIndexes(mongo);

      const running = runIndexer({
        mongo,
        config,
        readDeployment: () => loadDeployment(config.chain),
        clock: systemClock,
        logger,
        metrics,
        activity,
        terminal: process.stderr,
        stopping,
        reindexOnReset: options.reindexOnReset,
        onReady: () => logReady(logger, { activity, port: operations.port }),
      });
      onClose("indexer", () => running);
      running.catch((error: unknown) => {
        logger.fatal({ err: error }, error instanceof Error ? error.message : "the indexer failed");
        process.exit(78);
      });
      return { logger, config };
    },
  });
}

/** Serves the indexer's health and metrics. */
function serveHealth(deps: {
  config: Config;
  logger: Logger;
  mongo: Mongo;
  metrics: IndexerMetrics;
  activity: Readonly<Activity>;
}): Promise<OperationsServer> {
  const { config, logger, mongo, metrics, activity } = deps;
  const { checkpoints } = createRegistryCollections(mongo);
  const health: HealthDeps = {
    clock: systemClock,
    maxLagSeconds: config.readyMaxLagSeconds,
    readCheckpoint: () => checkpoints.findOne({ _id: CHECKPOINT_ID }),
    activity,
  };
  return serveOperations({
    host: config.metricsHost,
    port: config.indexer.port,
    readiness: watchReadiness([mongoHealth(mongo, true), indexCheck(health)], logger),
    metrics: createProcessMetrics(lagGauges(health), metrics.registry),
  });
}

function logReady(logger: Logger, { activity, port }: { activity: Readonly<Activity>; port: number }): void {
  const does = activity.role === "leading" ? "follows the chain" : "stands by for another that leads";
  logger.info({ notice: true, ready: true, port }, `Indexer ${does}; its health is at port ${port}`);
}

/**
 * Lets the heap grow by a quarter between collections, where V8 would let it grow fourfold: a backfill makes much garbage
 * and retains little, so a tenth of its speed is the price of a third of its memory.
 */
function collectEarly(): void {
  setFlagsFromString("--heap-growing-percent=25");
}

async function main(argv: string[]): Promise<void> {
  const command: Command | string = parseCommand(argv);
  if (typeof command === "string") {
    process.stderr.write(`${command}\n`);
    process.exitCode = 64;
    return;
  }
  if (command.name === "follow") await follow(command);
  else process.exitCode = await runCommand(command);
}

void main(process.argv.slice(2));
