import type { Redis } from "ioredis";
import { type Chain, chainCheck, createChain } from "../chain/client";
import type { Config } from "../core/config/config";
import type { Lifecycle } from "./lifecycle";
import type { Logger } from "../core/logger";
import { connectMongo, type Mongo } from "../core/mongo";
import { preflight, type PreflightCheck, redisCheck } from "./preflight";
import { connectRedis } from "../core/redis";

/** What a process of the API talks to. */
export interface Connections {
  mongo: Mongo;
  redis: Redis;
  chain: Chain;
}

/** The check that MongoDB answers; it leaves the connection with `keep`. */
export function mongoCheck(config: Config, logger: Logger, keep: (mongo: Mongo) => void): PreflightCheck {
  return {
    subject: "MONGODB_URI",
    fix: "start MongoDB there, or correct MONGODB_URI",
    async run() {
      keep(await connectMongo({ uri: config.mongodbUri, name: config.processName, logger }));
      return [];
    },
  };
}

/**
 * Connects to MongoDB, Redis and the chain, and has them closed when the process ends.
 *
 * @param options.blocking whether the connection to Redis waits without limit, as consumers of queues need it
 * @throws BootError naming all that cannot be reached, is another chain, or lacks the contracts
 */
export async function openConnections(
  config: Config,
  options: { logger: Logger; onClose: Lifecycle["onClose"]; blocking: boolean },
): Promise<Connections> {
  const { logger, onClose, blocking } = options;
  const redis = connectRedis({ url: config.redis.url, name: config.processName, logger, blocking });
  onClose("redis", async () => {
    // A consumer's connection waits for jobs that no longer come; one that is away cannot say goodbye.
    if (blocking || redis.status !== "ready") redis.disconnect();
    else await redis.quit();
  });

  let mongo: Mongo | undefined;
  const keep = (connected: Mongo) => {
    mongo = connected;
    onClose("mongo", () => connected.close());
  };
  await preflight(config.processName, [mongoCheck(config, logger, keep), redisCheck(redis), chainCheck(config.chain)]);
  if (mongo === undefined) throw new Error("the preflight passed without a database");

  const chain = createChain(config.chain);
  onClose("chain", () => {
    chain.close();
    return Promise.resolve();
  });
  return { mongo, redis, chain };
}
