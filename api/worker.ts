import { systemClock } from "../core/clock";
import { loadConfig } from "../core/config/config";
import { openConnections } from "../process/connections";
import { openFileKeyStore } from "../core/keys/fileKeyStore";
import { runProcess } from "../process/lifecycle";
import { createLogger } from "../core/logger";
import { ensureIndexes } from "../core/mongo";
import { createProjection } from "../projection/queries";
import { registrationReader } from "./wallets/indexed";
import { startWorkerApp } from "./workerApp";
import { serveWorkerOperations } from "./workerOperations";
import { openWorkerCredentials, startWorkerInbox } from "./workerParts";

const NAME = "worker";

void runProcess({
  name: NAME,
  async start({ onClose }) {
    const config = loadConfig(NAME);
    const { anchoring } = config;
    if (anchoring === undefined) throw new Error("the worker's configuration lacks the relayer's key");
    const logger = createLogger(config);
    const { mongo, redis, chain } = await openConnections(config, { logger, onClose, blocking: true });

    const parts = { clock: systemClock, logger, mongo, redis, chain };
    const index = createProjection(mongo);
    const others = { ...parts, config, index, keys: await openFileKeyStore(config.keys) };
    const credentials = openWorkerCredentials(others);
    const worker = await startWorkerApp({
      ...parts,
      config: { redis: config.redis, anchoring },
      handlers: credentials.handlers,
      indexedRegistration: registrationReader(index),
    });
    const deadlineMs = config.shutdownSeconds * 500;
    onClose("worker", () => worker.close(deadlineMs));
    const running = credentials.start(worker.relayer);
    onClose("credential jobs", () => running.close(deadlineMs));
    const inbox = startWorkerInbox(others);
    onClose("inbox", () => inbox.close(deadlineMs));
    await ensureIndexes(mongo);

    const operations = await serveWorkerOperations({ ...parts, config, worker });
    onClose("operations server", () => operations.close(1_000));
    const { address } = worker.relayer;
    logger.info(
      { notice: true, ready: true, port: operations.port, relayer: address },
      `Worker anchors with the relayer ${address}`,
    );
    return { logger, config };
  },
});
