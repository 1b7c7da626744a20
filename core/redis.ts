import { Redis } from "ioredis";
import { randomId } from "./crypto";
import type { Logger } from "./logger";

/**
 * Opens a connection to Redis that reconnects by itself. The caller closes it with `quit()` or `disconnect()`.
 *
 * Commands wait while the connection is being restored, at most `commandTimeoutMs`; blocking consumers (BullMQ workers)
 * pass `blocking: true`, for they wait without limit.
 *
 * @param options.name of the process, for Redis's list of connections and the log; without blanks
 */
export function connectRedis(options: { url: string; name: string; logger?: Logger; blocking?: boolean }): Redis {
  const redis = new Redis(options.url, {
    // Unique, so that by Redis's list of connections others see whether the process that is working on a job is alive.
    connectionName: `${options.name}:${randomId()}`,
    // BullMQ insists on null: its commands must outlast a reconnect.
    maxRetriesPerRequest: null,
    ...(options.blocking === true ? {} : { commandTimeout: 5_000 }),
    retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 6), 2_000),
  });
  let failing = false;
  redis.on("error", (error: Error) => {
    if (!failing) options.logger?.warn({ err: error, connection: options.name }, "Redis does not answer; reconnecting");
    failing = true;
  });
  redis.on("ready", () => {
    if (failing) options.logger?.info({ connection: options.name }, "Redis answers again");
    failing = false;
  });
  return redis;
}
