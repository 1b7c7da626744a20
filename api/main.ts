import { loadConfig } from "../core/config/config";
import { createLogger, type Logger } from "../core/logger";
import { ensureIndexes } from "../core/mongo";
import { openConnections } from "../process/connections";
import { createContext } from "../process/context";
import { dependencyChecks } from "../process/dependencyChecks";
import { watchReadiness } from "../process/health";
import { runProcess } from "../process/lifecycle";
import { createProcessMetrics } from "../process/metrics";
import { serveOperations } from "../process/operationsServer";
import { gaugesOf } from "./http/module";
import { createPublicApp } from "./http/publicApp";
import { type HttpServer, listen } from "./http/server";
import { callersOf, createModules, listOf } from "./modules";

const NAME = "api";

void runProcess({
  name: NAME,
  async start({ onClose }) {
    const config = loadConfig(NAME);
    const logger = createLogger(config);
    const connections = await openConnections(config, { logger, onClose, blocking: false });
    const context = await createContext(config, { ...connections, logger });
    const modules = createModules(context);
    const list = listOf(modules);
    onClose("modules", () => Promise.all(list.map((module) => module.close())));
    await ensureIndexes(context.mongo);

    const checks = [...dependencyChecks(context), ...list.flatMap(({ health }) => health)];
    const readiness = watchReadiness(checks, logger);
    const metrics = createProcessMetrics(gaugesOf(list), context.metrics);
    const { app } = createPublicApp(context, list, { ...callersOf(modules), readiness });
    const operations = await serveOperations({
      host: config.metricsHost,
      port: config.metricsPort,
      readiness,
      metrics,
    });
    const server = await listen(app, config.http);
    // The public server goes first: operators can watch while the last requests are served.
    onClose("operations server", () => operations.close());
    onClose("http server", () => closePublic(server, config.shutdownSeconds, logger));

    const { publicUrl } = config.http;
    logger.info(
      { notice: true, ready: true, port: server.port, metricsPort: operations.port },
      `API on port ${server.port}, described at ${publicUrl}/docs`,
    );
    return { logger, config };
  },
});

/** Leaves the other parts a quarter of the shutdown's time. */
async function closePublic(server: HttpServer, shutdownSeconds: number, logger: Logger): Promise<void> {
  const clean = await server.close(shutdownSeconds * 750);
  if (!clean) logger.warn("requests still running at the deadline were cut");
}
