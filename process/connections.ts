import type { Redis } from "ioredis";
import { type Chain, createChain } from "../chain/client";
import type { Config } from "../core/config/config";
import type { Logger } from "../core/logger";
import { connectMongo, type Mongo } from "../core/mongo";
import { connectRedis } from "../core/redis";
import { chainCheck } from "./chainCheck";
import type { Lifecycle } from "./lifecycle";
import { preflight, type PreflightCheck, redisCheck } from "./preflight";

/** What a process may be connected to. */
export interface Connections {
  mongo: Mongo;
  redis: Redis;
  chain: Chain;
}

export interface ConnectOptions<Part extends keyof Connections = keyof Connections> {
  parts: Part[];
  logger: Logger;
  onClose: Lifecycle["onClose"];
  /** Whether the connection to Redis waits without limit, as consumers of queues need it; false unless given. */
  blocking?: boolean;
  /** What else must hold before the process starts. */
  checks?: PreflightCheck[];
}

/**
 * Connects to the parts named and has them closed when the process ends.
 *
 * A chain that does not answer, or says that it is asked too often, is waited for while the process runs.
 *
 * @throws BootError naming all else that cannot be reached, is another chain, or lacks the contracts
 */
export async function connect<Part extends keyof Connections>(
  config: Config,
  options: ConnectOptions<Part>,
): Promise<Pick<Connections, Part>> {
  const attempts = options.parts.map((part) => ({ part, attempt: ATTEMPTS[part](config, options) }));
  const checks = attempts.map(({ attempt }) => attempt.check);
  const unanswered = await preflight(config.processName, [...checks, ...(options.checks ?? [])]);
  for (const { subject, problem } of unanswered) {
    options.logger.warn({ subject }, `starting while ${subject} does not answer, which is waited for: ${problem}`);
  }
  const connected = attempts.map(({ part, attempt }) => [part, attempt.connection()] as const);
  return Object.fromEntries(connected) as Pick<Connections, Part>;
}

/** Connects to MongoDB, Redis and the chain: see {@link connect}. */
export function openConnections(config: Config, options: Omit<ConnectOptions, "parts">): Promise<Connections> {
  return connect(config, { ...options, parts: ["mongo", "redis", "chain"] });
}

/** A connection that is being made: `connection` returns it once the check has passed. */
interface Attempt<T> {
  check: PreflightCheck;
  connection(): T;
}

type AttemptOptions = Pick<ConnectOptions, "logger" | "onClose" | "blocking">;

const ATTEMPTS: {
  [Part in keyof Connections]: (config: Config, options: AttemptOptions) => Attempt<Connections[Part]>;
} = { mongo: attemptMongo, redis: attemptRedis, chain: attemptChain };

function attemptMongo(config: Config, { logger, onClose }: AttemptOptions): Attempt<Mongo> {
  let mongo: Mongo | undefined;
  const check: PreflightCheck = {
    subject: "MONGODB_URI",
    fix: "start MongoDB there, or correct MONGODB_URI",
    async run() {
      const connected = await connectMongo({ uri: config.mongodbUri, name: config.processName, logger });
      onClose("mongo", () => connected.close());
      mongo = connected;
      return [];
    },
  };
  return {
    check,
    connection() {
      if (mongo === undefined) throw new Error("the preflight passed without a database");
      return mongo;
    },
  };
}

function attemptRedis(config: Config, { logger, onClose, blocking = false }: AttemptOptions): Attempt<Redis> {
  const redis = connectRedis({ url: config.redis.url, name: config.processName, logger, blocking });
  onClose("redis", async () => {
    // A consumer's connection waits for jobs that no longer come; one that is away cannot say goodbye.
    if (blocking || redis.status !== "ready") redis.disconnect();
    else await redis.quit();
  });
  return { check: redisCheck(redis), connection: () => redis };
}

function attemptChain(config: Config, { onClose }: AttemptOptions): Attempt<Chain> {
  return {
    check: chainCheck(config.chain),
    connection() {
      const chain = createChain(config.chain);
      onClose("chain", () => {
        chain.close();
        return Promise.resolve();
      });
      return chain;
    },
  };
}
