import { loadConfig } from "../core/config/config";
import { createLogger } from "../core/logger";
import { ensureIndexes } from "../core/mongo";
import { openConnections } from "../process/connections";
import { createContext } from "../process/context";
import { connectionChecks, deploymentHealth } from "../process/dependencyChecks";
import { watchReadiness } from "../process/health";
import { runProcess } from "../process/lifecycle";
import { createProcessMetrics } from "../process/metrics";
import { serveOperations } from "../process/operationsServer";
import { gaugesOf } from "./http/module";
import { createModules, listOf } from "./modules";
import { startWorkers } from "./workers";

const NAME = "worker";

void runProcess({
  name: NAME,
  async start({ onClose }) {
    const config = loadConfig(NAME);
    const logger = createLogger(config);
    const connections = await openConnections(config, { logger, onClose, blocking: true });
    const context = await createContext(config, { ...connections, logger });
    const list = listOf(createModules(context));
    onClose("modules", () => Promise.all(list.map((module) => module.close())));
    // Before anything is sent: that nothing is sent twice rests on unique indexes.
    await ensureIndexes(context.mongo);

    const workers = startWorkers(context, list);
    onClose("workers", () => workers.close(config.shutdownSeconds * 500));

    const operations = await serveOperations({
      host: config.metricsHost,
      port: config.workerPort,
      readiness: watchReadiness(
        [
          ...connectionChecks(context, ["mongo", "redis", "chain"]),
          deploymentHealth(context),
          ...workers.health,
          ...list.flatMap(({ health }) => health),
        ],
        logger,
      ),
      metrics: createProcessMetrics([...gaugesOf(list), ...workers.metrics], context.metrics),
    });
    onClose("operations server", () => operations.close());

    const { address } = workers.relayer;
    logger.info(
      { notice: true, ready: true, port: operations.port, relayer: address },
      `Worker anchors as relayer ${address}`,
    );
    return { logger, config };
  },
});
