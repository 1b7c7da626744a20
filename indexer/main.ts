import { setFlagsFromString } from "node:v8";
import { systemClock } from "../core/clock";
import { loadConfig } from "../core/config/config";
import { chainCheck } from "../process/chainCheck";
import { connect } from "../process/connections";
import { loadDeployment } from "../chain/deployment";
import { runProcess } from "../process/lifecycle";
import { createLogger } from "../core/logger";
import { ensureIndexes } from "../core/mongo";
import { CHECKPOINT_ID, createRegistryCollections } from "../projection/models";
import { type Command, parseCommand } from "./commands/parse";
import { runCommand } from "./commands/run";
import { mongoHealth } from "../process/dependencyChecks";
import { watchReadiness } from "../process/health";
import { createProcessMetrics } from "../process/metrics";
import { serveOperations } from "../process/operationsServer";
import { type HealthDeps, indexCheck, lagGauges } from "./readiness";
import { createMetrics } from "./metrics";
import { runIndexer } from "./sync/leader";

const NAME = "indexer";

/** Follows the chain until it is told to stop. */
function follow(options: { reindexOnReset: boolean }): Promise<void> {
  return runProcess({
    name: NAME,
    async start({ onClose, stopping }) {
      collectEarly();
      const config = loadConfig(NAME);
      const logger = createLogger(config);
      const checks = [chainCheck(config.chain)];
      const { mongo } = await connect(config, { parts: ["mongo"], checks, logger, onClose });
      const collections = createRegistryCollections(mongo);
      await ensureIndexes(mongo);

      const metrics = createMetrics();
      const health: HealthDeps = {
        clock: systemClock,
        maxLagSeconds: config.readyMaxLagSeconds,
        readCheckpoint: () => collections.checkpoints.findOne({ _id: CHECKPOINT_ID }),
        isLeading: async () => (await metrics.leading.get()).values[0]?.value === 1,
      };
      const operations = await serveOperations({
        host: config.metricsHost,
        port: config.indexer.port,
        readiness: watchReadiness([mongoHealth(mongo, true), indexCheck(health)], logger),
        metrics: createProcessMetrics(lagGauges(health), metrics.registry),
      });
      onClose("operations server", operations.close);

      const running = runIndexer({
        mongo,
        config,
        readDeployment: () => loadDeployment(config.chain),
        clock: systemClock,
        logger,
        metrics,
        terminal: process.stderr,
        stopping,
        reindexOnReset: options.reindexOnReset,
        onReady: () => {
          const entry = { notice: true, ready: true, port: operations.port };
          logger.info(entry, `Indexer follows the chain; its health is at port ${operations.port}`);
        },
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

/**
 * Lets the heap grow by a quarter between collections, where V8 would let it grow fourfold: a backfill leaves much behind
 * and holds little, and a tenth of its speed is the price of a third of its memory.
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
