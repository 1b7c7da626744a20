import { sha256Hex } from "../../../core/hash";
import type { Context } from "../../../process/context";
import type { LoginOrigin } from "./rules";

const RETENTION_SECONDS = 30 * 24 * 60 * 60;

/** From which addresses accounts were opened. Lost together with the counts it makes exceptions from. */
export interface TrustedAddresses {
  has(origin: LoginOrigin): Promise<boolean>;
  add(origin: LoginOrigin): Promise<void>;
}

/** Creates the store, in Redis: for 30 days, and hashes only. */
export function createTrustedAddresses(deps: Pick<Context, "config" | "redis" | "logger">): TrustedAddresses {
  const { config, redis, logger } = deps;
  const keyOf = ({ email, address }: LoginOrigin) =>
    `${config.redis.prefix}:trusted-address:${sha256Hex(`${address} ${email}`).slice(0, 32)}`;

  /** Without Redis no address is trusted, and the counts begin at zero in each process's memory. */
  async function withRedis<T>(otherwise: T, work: () => Promise<T>): Promise<T> {
    if (redis.status !== "ready") return otherwise;
    try {
      return await work();
    } catch (error) {
      logger.warn({ err: error }, "trusted addresses could not be read or written");
      return otherwise;
    }
  }

  return {
    has: (origin) => withRedis(false, async () => (await redis.exists(keyOf(origin))) === 1),
    add: (origin) =>
      withRedis(undefined, async () => {
        await redis.set(keyOf(origin), "1", "EX", RETENTION_SECONDS);
      }),
  };
}
