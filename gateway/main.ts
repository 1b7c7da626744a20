import { loadConfig } from "../core/config/config";
import { createLogger } from "../core/logger";
import { connect } from "../process/connections";
import { redisHealth } from "../process/dependencyChecks";
import { watchReadiness } from "../process/health";
import { runProcess } from "../process/lifecycle";
import { createProcessMetrics } from "../process/metrics";
import { serveOperations } from "../process/operationsServer";
import { createGatewayContext } from "./context";
import { createParts, serveGateway } from "./gateway";
import { limitHeapGrowth } from "./heapGrowth";

const NAME = "gateway";

limitHeapGrowth();

void runProcess({
  name: NAME,
  async start({ onClose }) {
    const config = loadConfig(NAME);
    const logger = createLogger(config);
    const { redis } = await connect(config, { parts: ["redis"], logger, onClose });
    const { context, close } = await createGatewayContext(config, { redis, logger });
    onClose("context", close);

    const parts = createParts(context);
    const checkApi = { name: "api", required: true, run: () => context.api.checkSessions([]).then(() => ({})) };
    const operations = await serveOperations({
      host: config.metricsHost,
      port: config.gateway.metricsPort,
      // Without Redis nothing can be told from a replay, without the API nobody is known: both are required.
      readiness: watchReadiness(
        [redisHealth(redis, true), checkApi, ...parts.flatMap(({ checks }) => checks ?? [])],
        logger,
      ),
      metrics: createProcessMetrics(
        parts.flatMap(({ gauges }) => gauges ?? []),
        context.metrics,
      ),
    });
    onClose("operations server", () => operations.close());

    const gateway = await serveGateway(context, parts);
    onClose("gateway", async () => {
      // Leaves the other parts a quarter of the shutdown's time.
      const clean = await gateway.close(config.shutdownSeconds * 750);
      if (!clean) logger.warn("calls still running at the deadline were cut");
    });

    const { httpPort, grpcPort } = gateway;
    logger.info(
      { notice: true, ready: true, httpPort, grpcPort, metricsPort: operations.port },
      `Gateway on port ${httpPort} (HTTP) and ${grpcPort} (gRPC)`,
    );
    return { logger, config };
  },
});
