import { Wallet } from "ethers";
import { systemClock } from "../../../../core/clock";
import { createChain } from "../../../../chain/client";
import { loadConfig } from "../../../../core/config/config";
import { createLogger } from "../../../../core/logger";
import { connectMongo } from "../../../../core/mongo";
import { connectRedis } from "../../../../core/redis";
import { startWorkerApp } from "../../../../api/workerApp";

/** What a worker of its own process is told, as JSON in its first argument. */
export interface ChildOrders {
  environment: Record<string, string>;
  relayerPrivateKey: string;
  /** The step at which it kills itself, as `kill -9` would. */
  dieAt: string | null;
}

/** Runs a worker that dies without any clean-up at a named step: for tests of what a crash leaves behind. */
async function main(): Promise<void> {
  const { environment, relayerPrivateKey, dieAt } = JSON.parse(process.argv[2] ?? "") as ChildOrders;
  const config = loadConfig("worker", environment);
  const mongo = await connectMongo({ uri: config.mongodbUri, name: "child" });
  const redis = connectRedis({ url: config.redis.url, name: "child", blocking: true });
  await startWorkerApp({
    ...{ mongo, redis, chain: createChain(config.chain), clock: systemClock },
    logger: createLogger({ processName: "worker", logLevel: "silent" }),
    config: {
      redis: config.redis,
      anchoring: { relayerPrivateKey: new Wallet(relayerPrivateKey).privateKey, stuckSeconds: 60, concurrency: 4 },
    },
    timing: { pollMs: 50, sweepSeconds: 1, unseenSeconds: 60 },
    indexedRegistration: () => Promise.resolve(null),
    onStep: (step) => {
      if (step === dieAt) process.kill(process.pid, "SIGKILL");
    },
  });
}

void main();
