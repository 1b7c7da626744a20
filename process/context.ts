import type { Redis } from "ioredis";
import { Registry } from "prom-client";
import type { Chain } from "../chain/client";
import { type Budgets, createBudgets } from "../chain/relayer/budgets";
import { createTransactionStore, type TransactionStore } from "../chain/relayer/transactions";
import { type Clock, systemClock } from "../core/clock";
import type { Config } from "../core/config/config";
import { type DeadLetterStore, createDeadLetterStore } from "../core/jobs/deadLetters";

import { type BlindIndex, createBlindIndex } from "../core/keys/blindIndex";
import { createDataKeyStore } from "../core/keys/dataKeys";
import { createFieldCipher, type FieldCipher } from "../core/keys/fieldCipher";
import { openFileKeyStore } from "../core/keys/fileKeyStore";
import type { KeyStore } from "../core/keys/keyStore";
import type { Logger } from "../core/logger";
import type { Mongo } from "../core/mongo";
import { createProjection, type Projection } from "../projection/queries";
import type { Connections } from "./connections";

/** How often background work is looked for. */
export interface Timing {
  /** Between two sweeps for work that no job finished. */
  sweepIntervalMs: number;
  /** How long something waits for its job before a sweep queues it again. */
  sweepAfterSeconds: number;
  /** Between two polls of the chain or the index while a transaction is under way. */
  pollIntervalMs: number;
  /** How long the index may take to show what was mined before the chain is asked whether it is still there. */
  unseenSeconds: number;
}

export const DEFAULT_TIMING: Timing = {
  sweepIntervalMs: 5_000,
  sweepAfterSeconds: 15,
  pollIntervalMs: 500,
  unseenSeconds: 300,
};

/** What a process's modules are made of. A function takes the parts of it that it uses. */
export interface Context {
  config: Config;
  clock: Clock;
  logger: Logger;
  mongo: Mongo;
  /** In a worker, a connection that waits without limit: consumers of queues block on it. */
  redis: Redis;
  chain: Chain;
  /** What the indexer wrote of the chain. */
  projection: Projection;
  keys: KeyStore;
  /** Encrypts personal data at rest. */
  fields: FieldCipher;
  /** Looks up what is encrypted. */
  blindIndex: BlindIndex;
  /** What the relayer sends. Here, so that its indexes exist before anything is sent. */
  transactions: TransactionStore;
  deadLetters: DeadLetterStore;
  /** What the relayer may spend, and on whom. */
  budgets: Budgets;
  /** Where counters of the process are registered. */
  metrics: Registry;
  timing: Timing;
  /**
   * Called at the named moments between which a crash leaves different traces, those of the relayer with the kind of the
   * transaction; crash tests end the process here.
   */
  onStep?: ((step: string, kind?: string) => void | Promise<void>) | undefined;
}

/**
 * Makes the context of a process from its connections.
 *
 * @throws BootError when the key store cannot be opened with the configured passphrase
 */
export async function createContext(
  config: Config,
  { mongo, redis, chain, logger }: Connections & { logger: Logger },
): Promise<Context> {
  const keys = await openFileKeyStore(config.keys);
  return {
    config,
    clock: systemClock,
    logger,
    mongo,
    redis,
    chain,
    projection: createProjection(mongo),
    keys,
    fields: createFieldCipher({ keys, dataKeys: createDataKeyStore(mongo), clock: systemClock }),
    blindIndex: createBlindIndex(keys),
    transactions: createTransactionStore(mongo),
    deadLetters: createDeadLetterStore(mongo),
    budgets: createChainBudgets(config, { mongo, chain, clock: systemClock }),
    metrics: new Registry(),
    timing: DEFAULT_TIMING,
  };
}

/** The budgets of the relayer of a process's chain. */
export function createChainBudgets(
  { spending: { gasCaps, maxFeeGwei, dailyGas, backoffSeconds, stopped } }: Pick<Config, "spending">,
  { mongo, chain, clock }: Pick<Context, "mongo" | "chain" | "clock">,
): Budgets {
  const scope = `${chain.chainId}:${chain.deployment.genesisHash}`;
  const maxFeePerGas = BigInt(Math.round(maxFeeGwei * 1e9));
  const policy = { gasCaps, maxFeePerGas, dailyGas, backoffSeconds };
  return createBudgets({ mongo, clock, scope, policy, stopped });
}
