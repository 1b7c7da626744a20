import { loadConfig } from "../core/config/config";
import { createLogger, type Logger } from "../core/logger";
import { ensureIndexes } from "../core/mongo";
import { openConnections } from "../process/connections";
import { type Context, createContext } from "../process/context";
import { dependencyChecks } from "../process/dependencyChecks";
import { watchReadiness } from "../process/health";
import { runProcess } from "../process/lifecycle";
import { createProcessMetrics } from "../process/metrics";
import { serveOperations } from "../process/operationsServer";
import { gaugesOf, type Module } from "./http/module";
import { createInternalApp, type InternalAppOptions } from "./http/internalApp";
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
    const callers = callersOf(modules);
    const { app } = createPublicApp(context, list, { ...callers, readiness });
    const operations = await serveOperations({
      host: config.metricsHost,
      port: config.metricsPort,
      readiness,
      metrics,
    });
    const server = await listen(app, config.http);
    // These go first: operators can watch while the last requests are served.
    onClose("operations server", () => operations.close());
    const servers = [server];
    onClose("http servers", () => closeServers(servers, config.shutdownSeconds, logger));
    const internal = await listenInternal(context, list, callers);
    if (internal !== null) servers.push(internal);

    const { publicUrl } = config.http;
    logger.info(
      { notice: true, ready: true, port: server.port, internalPort: internal?.port, metricsPort: operations.port },
      `API on port ${server.port}, described at ${publicUrl}/docs`,
    );
    return { logger, config };
  },
});

/** Serves gateways; null where no port is configured for them. */
async function listenInternal(
  context: Context,
  modules: Module[],
  { authenticateDevice }: Pick<InternalAppOptions, "authenticateDevice">,
): Promise<HttpServer | null> {
  const { internal, http } = context.config;
  if (internal === null) return null;
  const { app } = createInternalApp(context, modules, { publicKeys: internal.publicKeys, authenticateDevice });
  return listen(app, { host: internal.host, port: internal.port, maxConnections: http.maxConnections });
}

/** Closes all at once, and leaves the other parts a quarter of the shutdown's time. */
async function closeServers(servers: HttpServer[], shutdownSeconds: number, logger: Logger): Promise<void> {
  const clean = await Promise.all(servers.map((server) => server.close(shutdownSeconds * 750)));
  if (clean.includes(false)) logger.warn("requests still running at the deadline were cut");
}
