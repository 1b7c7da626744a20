import type { Redis } from "ioredis";
import { sha256Hex } from "../../../core/hash";
import type { Logger } from "../../../core/logger";
import type { KnownPlaces, LoginPlace } from "./rules";

const REMEMBERED_SECONDS = 30 * 24 * 60 * 60;

/**
 * Remembers in Redis, for 30 days, from which address an account was opened. Only hashes are kept. When Redis is lost
 * the places are, and with them the counts that made them matter.
 */
export function openKnownPlaces({
  redis,
  prefix,
  logger,
}: {
  redis: Redis;
  prefix: string;
  logger: Logger;
}): KnownPlaces {
  const keyOf = ({ email, address }: LoginPlace) =>
    `${prefix}:login-place:${sha256Hex(`${address} ${email}`).slice(0, 32)}`;

  /** Without Redis nothing is known, and the counts begin at zero in each process's memory. */
  async function orWithout<T>(without: T, work: () => Promise<T>): Promise<T> {
    if (redis.status !== "ready") return without;
    try {
      return await work();
    } catch (error) {
      logger.warn({ err: error }, "known login places could not be asked for");
      return without;
    }
  }

  return {
    isKnown: (place) => orWithout(false, async () => (await redis.exists(keyOf(place))) === 1),
    remember: (place) =>
      orWithout(undefined, async () => {
        await redis.set(keyOf(place), "1", "EX", REMEMBERED_SECONDS);
      }),
  };
}
