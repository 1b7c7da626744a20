import type { Context } from "../../../process/context";

const RETENTION_SECONDS = 30 * 24 * 60 * 60;

/** From which addresses accounts were opened. Lost together with the counts it makes exceptions from. */
export interface TrustedAddresses {
  /** @param pair of an address and an account, see `LoginKeys` */
  has(pair: string): Promise<boolean>;
  add(pair: string): Promise<void>;
}

/** Creates the store, in Redis: for 30 days, and blind indexes only. */
export function createTrustedAddresses(deps: Pick<Context, "config" | "redis" | "logger">): TrustedAddresses {
  const { config, redis, logger } = deps;
  const keyOf = (pair: string) => `${config.redis.prefix}:trusted-address:${pair}`;

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
    has: (pair) => withRedis(false, async () => (await redis.exists(keyOf(pair))) === 1),
    add: (pair) =>
      withRedis(undefined, async () => {
        await redis.set(keyOf(pair), "1", "EX", RETENTION_SECONDS);
      }),
  };
}
