import { type Chain, createChain } from "../../chain/client";
import { createProvider } from "../../chain/provider";
import { type Clock, systemClock } from "../../core/clock";
import { type Config, loadConfig } from "../../core/config/config";
import type { Logger } from "../../core/logger";
import { connectMongo, type Mongo } from "../../core/mongo";
import { connectRedis } from "../../core/redis";
import { type Context, createChainBudgets, createContext, DEFAULT_TIMING, type Timing } from "../../process/context";
import { DIDRegistry__factory, IssuerRegistry__factory } from "../../typechain-types";

/** Parts of a configuration that replace those read from the environment. */
export type ConfigPatch = { [Section in keyof Config]?: Partial<Config[Section]> | undefined };

/** What a context of a test is made of, in this process or in a child: all of it can be sent as JSON. */
export interface ContextOptions {
  environment: Record<string, string>;
  config: ConfigPatch;
  timing: Partial<Timing>;
}

/** Background work of tests is looked for often. */
const TEST_TIMING: Timing = {
  ...DEFAULT_TIMING,
  sweepIntervalMs: 100,
  sweepAfterSeconds: 1,
  pollIntervalMs: 50,
  unseenSeconds: 60,
};

/** The configuration of a context: the worker's, which has what the API's has and the relayer's key. */
export function configOf({ environment, config }: Pick<ContextOptions, "environment" | "config">): Config {
  const loaded = loadConfig("worker", { NODE_ENV: "test", ...environment });
  const patched: Record<string, unknown> = { ...loaded };
  for (const [section, patch] of Object.entries(config)) {
    const before = patched[section];
    const isObject = typeof before === "object" && typeof patch === "object" && !Array.isArray(before);
    patched[section] = isObject && section !== "kyc" && section !== "mail" ? { ...before, ...patch } : patch;
  }
  return patched as unknown as Config;
}

/** A context on servers that run already, and what closes its connections. */
export async function createTestContext(
  contextOptions: ContextOptions,
  options: {
    logger: Logger;
    clock?: Clock | undefined;
    mongo?: Mongo;
    /** False: a chain that does not answer. */
    withChain: boolean;
    /** False: commands to Redis fail when they wait too long, as in the API; workers wait without limit. */
    blocking?: boolean;
    onStep?: Context["onStep"];
  },
): Promise<{ context: Context; close(): Promise<void> }> {
  const { logger, clock = systemClock } = options;
  const config = configOf(contextOptions);
  const mongo = options.mongo ?? (await connectMongo({ uri: config.mongodbUri, name: "test", maxPoolSize: 64 }));
  const redis = connectRedis({ url: config.redis.url, name: "test", logger, blocking: options.blocking ?? true });
  if (redis.status !== "ready") await new Promise((resolve) => redis.once("ready", resolve));
  const chain = options.withChain ? createChain(config.chain) : unreachableChain();
  const context: Context = {
    ...(await createContext(config, { mongo, redis, chain, logger })),
    clock,
    budgets: createChainBudgets(config, { mongo, chain, clock }),
    timing: { ...TEST_TIMING, ...contextOptions.timing },
    onStep: options.onStep,
  };
  return {
    context,
    async close() {
      redis.disconnect();
      chain.close();
      await mongo.close();
    },
  };
}

/** A chain as a process has it, at an address where nobody listens. */
function unreachableChain(): Chain {
  const contract = {
    address: `0x${"00".repeat(20)}`,
    blockNumber: 0,
    blockHash: `0x${"00".repeat(32)}`,
    transactionHash: null,
    constructorArguments: [],
  };
  const provider = createProvider(["http://127.0.0.1:1"], 31337);
  return {
    chainId: 31337,
    deployment: {
      chainId: 31337,
      genesisHash: contract.blockHash,
      didMethod: "mychain",
      contracts: { DIDRegistry: contract, IssuerRegistry: contract },
    },
    provider,
    didRegistry: DIDRegistry__factory.connect(contract.address, provider),
    issuerRegistry: IssuerRegistry__factory.connect(contract.address, provider),
    keyVerifiers: new Set(),
    close: () => provider.destroy(),
  };
}
