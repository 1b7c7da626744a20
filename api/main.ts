import { Registry } from "prom-client";
import { systemClock } from "../core/clock";
import { loadConfig } from "../core/config/config";
import { openConnections } from "../process/connections";
import { openFileKeyStore } from "../core/keys/fileKeyStore";
import { runProcess } from "../process/lifecycle";
import { createLogger, type Logger } from "../core/logger";
import { ensureIndexes } from "../core/mongo";
import { createProjection } from "../projection/queries";
import { createApp } from "./app";
import { dependencyChecks } from "../process/dependencyChecks";
import { type HttpServer, listen } from "./http/server";
import { openApiParts } from "./parts";
import { openPasswords } from "./sessions/users/passwords";

const NAME = "api";

void runProcess({
  name: NAME,
  async start({ onClose }) {
    const config = loadConfig(NAME);
    const logger = createLogger(config);
    const { mongo, redis, chain } = await openConnections(config, { logger, onClose, blocking: false });

    const index = createProjection(mongo);
    const metricsRegistry = new Registry();
    const shared = { clock: systemClock, logger, mongo, redis, chain, index, metricsRegistry };
    const keys = await openFileKeyStore(config.keys);
    const checks = dependencyChecks({ ...shared, maxLagSeconds: config.readyMaxLagSeconds });
    const passwords = await openPasswords();
    const app = createApp({ ...shared, config, checks, passwords }, openApiParts({ ...shared, config, keys }));
    onClose("queues", () => app.close());
    await ensureIndexes(mongo);

    const operations = await listen(app.operationsApp, { host: config.metricsHost, port: config.metricsPort });
    const server = await listen(app.publicApp, config.http);
    // The public server goes first: operators can watch while the last requests are served.
    onClose("operations server", () => operations.close(1_000));
    onClose("http server", () => closePublic(server, config.shutdownSeconds, logger));

    const { publicUrl } = config.http;
    logger.info(
      { notice: true, ready: true, port: server.port, metricsPort: operations.port },
      `API listening on port ${server.port}; people reach it as ${publicUrl}, its description is at ${publicUrl}/docs`,
    );
    return { logger, config };
  },
});

/** Leaves the other parts a quarter of the shutdown's time. */
async function closePublic(server: HttpServer, shutdownSeconds: number, logger: Logger): Promise<void> {
  const clean = await server.close(shutdownSeconds * 750);
  if (!clean) logger.warn("requests still running at the deadline were cut");
}
