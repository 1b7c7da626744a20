import type { Redis } from "ioredis";
import type { Chain } from "../chain/client";
import type { Mongo } from "../core/mongo";
import type { Context } from "./context";
import type { DependencyCheck } from "./health";

type CheckedContext = Pick<Context, "config" | "mongo" | "redis" | "chain" | "projection" | "clock">;

/**
 * What the API's readiness asks. Only the database is required: without Redis logins are counted in memory, without the
 * chain or a fresh index sessions still work and whatever needs them refuses by itself. Taking every replica out of
 * service for one of these would turn a part's outage into the whole's.
 */
export function dependencyChecks(context: CheckedContext): DependencyCheck[] {
  return [
    ...connectionChecks(context, ["mongo"]),
    { name: "index", required: false, run: () => measureIndex(context) },
  ];
}

/** Whether MongoDB, Redis and the chain answer; those named in `required` decide over readiness. */
export function connectionChecks(
  { mongo, redis, chain }: Pick<Context, "mongo" | "redis" | "chain">,
  required: string[],
): DependencyCheck[] {
  return [
    mongoHealth(mongo, required.includes("mongo")),
    redisHealth(redis, required.includes("redis")),
    chainHealth(chain, required.includes("chain")),
  ];
}

/** Whether MongoDB answers. */
export function mongoHealth(mongo: Mongo, required: boolean): DependencyCheck {
  async function run() {
    if (mongo.db === undefined) throw new Error("there is no connection to the database");
    await mongo.db.command({ ping: 1 });
    return {};
  }
  return { name: "mongo", required, run };
}

/** Whether Redis answers. */
export function redisHealth(redis: Redis, required: boolean): DependencyCheck {
  async function run() {
    await redis.ping();
    return {};
  }
  return { name: "redis", required, run };
}

/** Whether the chain answers, and the number of its newest block. */
export function chainHealth(chain: Pick<Chain, "provider">, required: boolean): DependencyCheck {
  const run = async () => ({ blockNumber: await chain.provider.getBlockNumber() });
  return { name: "chain", required, run };
}

/** Lag counts from the moment the first block that is not indexed was mined: an idle chain has none. */
async function measureIndex({ config, chain, projection, clock }: CheckedContext) {
  const maxLagSeconds = config.readyMaxLagSeconds;
  const [freshness, headNumber] = await Promise.all([projection.freshness(), chain.provider.getBlockNumber()]);
  if (freshness === null) throw new Error("nothing is indexed yet");
  const lagBlocks = Math.max(0, headNumber - freshness.blockNumber);
  const missing = lagBlocks === 0 ? null : await chain.provider.getBlock(freshness.blockNumber + 1);
  const lagMs = missing === null ? 0 : clock.now().getTime() - missing.timestamp * 1000;
  const lagSeconds = Math.max(0, Math.round(lagMs / 1000));
  if (lagSeconds > maxLagSeconds) {
    throw new Error(`the index is ${lagBlocks} blocks and ${lagSeconds} s behind the chain; is the indexer running?`);
  }
  return { blockNumber: freshness.blockNumber, lagBlocks, lagSeconds };
}
