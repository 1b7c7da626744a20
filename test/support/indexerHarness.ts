import { systemClock, type Clock } from "../../core/clock";
import { type Config, loadConfig } from "../../core/config/config";
import type { Deployment } from "../../chain/deployment";
import { createLogger, type Logger } from "../../core/logger";
import { connectMongo, ensureIndexes, type Mongo } from "../../core/mongo";
import { type CheckpointDocument, CHECKPOINT_ID, createRegistryCollections } from "../../projection/models";
import { type Activity, createActivity } from "../../indexer/activity";
import { createMetrics, type IndexerMetrics } from "../../indexer/metrics";
import { runIndexer } from "../../indexer/sync/leader";
import type { CrashPointHook } from "../../indexer/write/crashPoints";
import { eventually } from "./eventually";
import { testMongoUri } from "./servers";

/** A database of the test's own, as the indexer sees it. */
export interface IndexDatabase {
  uri: string;
  mongo: Mongo;
  collections: ReturnType<typeof createRegistryCollections>;
  checkpoint(): Promise<CheckpointDocument | null>;
  drop(): Promise<void>;
}

/** Connects to an empty database with the index's collections and indexes. */
export async function connectIndexDatabase(name: string): Promise<IndexDatabase> {
  const uri = testMongoUri(name);
  const mongo = await connectMongo({ uri, name: `test-${name}` });
  const collections = createRegistryCollections(mongo);
  await ensureIndexes(mongo);
  return {
    uri,
    mongo,
    collections,
    checkpoint: () => collections.checkpoints.findOne({ _id: CHECKPOINT_ID }),
    async drop() {
      await mongo.dropDatabase();
      await mongo.close();
    },
  };
}

export interface HarnessOptions {
  database: IndexDatabase;
  rpcUrls: string[];
  deployment(): Deployment;
  onCrashPoint?: CrashPointHook;
  reindexOnReset?: boolean;
  clock?: Clock;
  pollMs?: number;
  leaseSeconds?: number;
  rpcTimeoutMs?: number;
  confirmations?: number;
}

/** An indexer that runs in this process. */
export interface RunningIndexer {
  metrics: IndexerMetrics;
  activity: Readonly<Activity>;
  /** What it logged, parsed. */
  lines: Record<string, unknown>[];
  /** Resolves when it has ended; rejects with what ended it. */
  ended: Promise<void>;
  stop(): Promise<void>;
}

/** The indexer's part of a configuration. */
export function indexerConfig(options: Omit<HarnessOptions, "database" | "deployment" | "onCrashPoint">): Config {
  const config = loadConfig("indexer", { NODE_ENV: "test" });
  return {
    ...config,
    chain: {
      ...config.chain,
      rpcUrls: options.rpcUrls,
      ...(options.confirmations !== undefined && { confirmations: options.confirmations }),
    },
    indexer: {
      ...config.indexer,
      pollMs: options.pollMs ?? 50,
      leaseSeconds: options.leaseSeconds ?? 2,
      rpcTimeoutMs: options.rpcTimeoutMs ?? 2_000,
    },
  };
}

/** A logger that collects its lines. */
export function recordingLogger(): { logger: Logger; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>);
  return { logger: createLogger({ processName: "indexer", logLevel: "debug" }, { write }), lines };
}

/** Starts an indexer in this process. */
export function startIndexer(options: HarnessOptions): RunningIndexer {
  const { logger, lines } = recordingLogger();
  const metrics = createMetrics();
  const activity = createActivity();
  const stopping = new AbortController();
  const ended = runIndexer({
    mongo: options.database.mongo,
    config: indexerConfig(options),
    readDeployment: options.deployment,
    clock: options.clock ?? systemClock,
    logger,
    metrics,
    activity,
    terminal: { write: () => undefined },
    stopping: stopping.signal,
    ...(options.onCrashPoint && { onCrashPoint: options.onCrashPoint }),
    ...(options.reindexOnReset !== undefined && { reindexOnReset: options.reindexOnReset }),
  });
  ended.catch(() => undefined);
  return {
    metrics,
    activity,
    lines,
    ended,
    async stop() {
      stopping.abort();
      await ended.catch(() => undefined);
    },
  };
}

/** Waits until a block, by its hash, is the last in the index and everything up to it is verified. */
export function indexedUpTo(
  database: IndexDatabase,
  blockHash: string,
  withinMs = 60_000,
): Promise<CheckpointDocument> {
  return eventually(
    `block ${blockHash} in the index`,
    async () => {
      const checkpoint = await database.checkpoint();
      const there = checkpoint?.indexed?.hash === blockHash && checkpoint.verifiedNumber === checkpoint.indexed.number;
      return there ? checkpoint : undefined;
    },
    withinMs,
  );
}
