import type { Redis } from "ioredis";
import type { Chain } from "../chain/client";
import { TransientError } from "../core/errors";
import type { Mongo } from "../core/mongo";
import { indexProblems } from "../projection/indexProblems";
import type { Context } from "./context";
import type { DependencyCheck } from "./health";

type CheckedContext = Pick<Context, "config" | "mongo" | "redis" | "chain" | "projection" | "clock">;

/**
 * What the API's readiness asks. Only the database is required, and that the chain is not another one: without Redis
 * logins are counted in memory, without the chain or a fresh index sessions still work and whatever needs them refuses by
 * itself. Taking every replica out of service for one of these would turn a part's outage into the whole's.
 */
export function dependencyChecks(context: CheckedContext): DependencyCheck[] {
  return [
    ...connectionChecks(context, ["mongo"]),
    deploymentHealth(context),
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

/**
 * Whether the chain is the one that the contracts were deployed on, which a process that started while the chain did not
 * answer does not know yet, and one whose development chain was reset no longer. Required: on another chain everything
 * that is read and signed is wrong. A chain that does not answer is not this check's to report.
 */
export function deploymentHealth({ chain }: Pick<Context, "chain">): DependencyCheck {
  const { deployment, provider, chainId } = chain;
  let served: number | undefined;
  async function run() {
    try {
      served ??= Number(await provider.send("eth_chainId", []));
      if (served !== chainId) {
        const problems = [`the endpoints serve chain ${served}, the configuration is of chain ${chainId}`];
        served = undefined;
        return { problems };
      }
      const genesis = await provider.getBlock(0);
      if (genesis === null || genesis.hash === deployment.genesisHash) return {};
    } catch (error) {
      if (error instanceof TransientError) return {};
      throw error;
    }
    return { problems: ["the chain's first block is another than when the contracts were deployed: it was reset"] };
  }
  return { name: "deployment", required: true, run };
}

/** Lag counts from the moment the first block that is not indexed was mined: an idle chain has none. */
async function measureIndex({ config, chain, projection, clock }: CheckedContext) {
  const [checkpoint, headNumber] = await Promise.all([projection.readCheckpoint(), chain.provider.getBlockNumber()]);
  if (!checkpoint?.indexed) return { problems: ["nothing is indexed yet"] };
  const { indexed, genesisHash } = checkpoint;
  const now = clock.now();
  const lagBlocks = Math.max(0, headNumber - indexed.number);
  const missing = lagBlocks === 0 ? null : await chain.provider.getBlock(indexed.number + 1);
  const lagMs = missing === null ? 0 : now.getTime() - missing.timestamp * 1000;
  const lagSeconds = Math.max(0, Math.round(lagMs / 1000));
  const problems = indexProblems(checkpoint, { now, headNumber });
  if (lagSeconds > config.readyMaxLagSeconds) {
    problems.push(`the index is ${lagBlocks} blocks and ${lagSeconds} s behind the chain`);
  }
  if (genesisHash !== chain.deployment.genesisHash)
    problems.push("the index is of another chain: its first block differs");
  return { problems, blockNumber: indexed.number, lagBlocks, lagSeconds };
}
