import { Registry } from "prom-client";
import { chainCheck, openChain } from "../core/chain";
import { systemClock } from "../core/clock";
import { loadConfig } from "../core/config";
import { openFileKeyStore } from "../core/keys/fileKeyStore";
import { runProcess } from "../core/lifecycle";
import { createLogger, type Logger } from "../core/logger";
import { connectMongo, ensureIndexes, type Mongo } from "../core/mongo";
import { preflight, redisCheck } from "../core/preflight";
import { connectRedis } from "../core/redis";
import { openRegistryIndex } from "../core/registry/queries";
import { createApp } from "./app";
import { dependencyChecks } from "./dependencyChecks";
import { type HttpServer, listen } from "./http/server";
import { openApiParts } from "./parts";
import { openPasswords } from "./sessions/passwords";

const NAME = "api";

void runProcess({
  name: NAME,
  async start({ onClose }) {
    const config = loadConfig(NAME);
    const logger = createLogger(config);
    const redis = connectRedis({ url: config.redis.url, name: NAME, logger });
    onClose("redis", async () => {
      if (redis.status === "ready") await redis.quit();
      else redis.disconnect();
    });

    let mongo: Mongo | undefined;
    await preflight(NAME, [
      {
        subject: "MONGODB_URI",
        mend: "start MongoDB there, or correct MONGODB_URI",
        async run() {
          mongo = await connectMongo({ uri: config.mongodbUri, name: NAME, logger });
          return [];
        },
      },
      redisCheck(redis),
      chainCheck(config.chain),
    ]);
    if (mongo === undefined) throw new Error("the preflight passed without a database");
    const database = mongo;
    onClose("mongo", () => database.close());

    const chain = openChain(config.chain);
    onClose("chain", () => {
      chain.close();
      return Promise.resolve();
    });

    const index = openRegistryIndex(mongo);
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
