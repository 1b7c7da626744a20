import type { Redis } from "ioredis";
import type { Chain } from "../chain/client";
import type { Clock } from "../core/clock";
import type { Config } from "../core/config/config";
import { createDeadLetterStore } from "../core/jobs/deadLetters";
import type { Logger } from "../core/logger";
import { ensureIndexes, type Mongo } from "../core/mongo";
import { createTransactionStore } from "../chain/relayer/transactions";
import { createRelayer, type Relayer } from "../chain/relayer/relayer";
import type { RelayerDeps } from "../chain/relayer/deps";
import type { RelayHandler } from "../chain/relayer/handlers";
import { createSigner } from "../chain/relayer/signer";
import { ANCHORING, anchoringHandler } from "./wallets/anchoring/actions";
import type { IndexedRegistration } from "./wallets/anchoring/rules";
import {
  type AnchoringQueue,
  type AnchoringWorker,
  openAnchoringQueue,
  repeatAnchoring,
  startAnchoringWorker,
} from "./wallets/anchoring/jobs";
import { openWalletStore } from "./wallets/store";

/** What the worker is made of; whoever opens these closes them. */
export interface WorkerDependencies {
  config: Pick<Config, "redis"> & { anchoring: NonNullable<Config["anchoring"]> };
  clock: Clock;
  logger: Logger;
  mongo: Mongo;
  /** A connection that waits without limit: consumers block on it. */
  redis: Redis;
  chain: Chain;
  /** What the index saw of a DID's registration. */
  indexedRegistration(walletAddress: string): Promise<(IndexedRegistration & { finalized: boolean }) | null>;
  /** What else the relayer sends for, by kind. */
  handlers?: Record<string, RelayHandler>;
  timing?: Partial<WorkerTiming>;
  /** See RelayerDeps. */
  onStep?: NonNullable<RelayerDeps["onStep"]>;
}

/** How often the worker looks by itself. */
export interface WorkerTiming {
  /** Between two looks at the chain while a transaction is under way. */
  pollMs: number;
  /** Between two sweeps, and how long a wallet waits before a sweep takes it for forgotten. */
  sweepSeconds: number;
  /** How long a mined registration may stay unseen by the index before the registry is asked about it. */
  unseenSeconds: number;
}

const TIMING: WorkerTiming = { pollMs: 500, sweepSeconds: 15, unseenSeconds: 300 };

/** The running worker. */
export interface WorkerApp {
  relayer: Relayer;
  anchoring: AnchoringWorker;
  queue: AnchoringQueue;
  close(deadlineMs: number): Promise<void>;
}

/** Puts the worker together and starts it: the only place that knows every slice's jobs. */
export async function startWorkerApp(deps: WorkerDependencies): Promise<WorkerApp> {
  const { config, clock, logger, mongo, redis, chain } = deps;
  const { relayerPrivateKey: privateKey, stuckSeconds, concurrency } = config.anchoring;
  const timing = { ...TIMING, ...deps.timing };
  const wallets = openWalletStore(mongo);
  const transactions = createTransactionStore(mongo);
  const deadLetters = createDeadLetterStore(mongo);
  // Before anything is sent: that nothing is sent twice rests on unique indexes.
  await ensureIndexes(mongo);
  const { prefix } = config.redis;
  const queue = openAnchoringQueue({ redis, prefix });
  const repeat = repeatAnchoring({ wallets, queue, clock });

  const relayer = createRelayer({
    ...{ provider: chain.provider, chainId: chain.chainId, clock, logger, stuckSeconds, pollMs: timing.pollMs },
    signer: createSigner({ privateKey, chainId: chain.chainId, clock }),
    transactions,
    handlers: { ...deps.handlers, [ANCHORING]: anchoringHandler({ wallets, chain, repeat, clock }) },
    ...(deps.onStep && { onStep: deps.onStep }),
  });
  relayer.start();

  const anchoring = startAnchoringWorker({
    ...{ wallets, chain, relayer, repeat, queue, redis, prefix, concurrency, clock, logger },
    ...{ sweepSeconds: timing.sweepSeconds, unseenSeconds: timing.unseenSeconds },
    deadLetters,
    indexedRegistration: deps.indexedRegistration,
  });

  return {
    relayer,
    anchoring,
    queue,
    async close(deadlineMs) {
      await anchoring.close(deadlineMs);
      await relayer.close();
      await queue.close();
    },
  };
}
