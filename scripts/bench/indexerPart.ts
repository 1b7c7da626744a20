/** One measured part of the indexer's bench, in a process of its own. */
import { systemClock } from "../../core/clock";
import { type Config, loadConfig } from "../../core/config/config";
import { type Deployment, loadDeployment } from "../../chain/deployment";
import { assertNever } from "../../core/errors";
import { createLogger, type Logger } from "../../core/logger";
import { connectMongo, ensureIndexes } from "../../core/mongo";
import { createRegistryCollections } from "../../projection/models";
import { backfill } from "../../indexer/sync/backfill";
import type { Contracts } from "../../indexer/fetch/blockRange";
import { decodeLog } from "../../indexer/fetch/decode";
import { logsBetween } from "../../indexer/fetch/logs";
import { contractsOf } from "../../indexer/sync/identify";
import { createActivity } from "../../indexer/activity";
import { createMetrics, type IndexerMetrics } from "../../indexer/metrics";
import { runIndexer } from "../../indexer/sync/leader";
import { createSource, type Source } from "../../indexer/rpc/source";

export type PartName = "fetch floor" | "write floor" | "unverified" | "verified" | "end to end";

export interface PartTask {
  part: PartName;
  rpcUrl: string;
  deploymentsDir: string;
  mongodbUri: string;
  /** The chain's newest block. */
  head: number;
}

export interface PartResult {
  events: number;
  seconds: number;
}

/** What every part is measured with. */
interface PartContext {
  task: PartTask;
  config: Config;
  deployment: Deployment;
  contracts: Contracts;
  logger: Logger;
  metrics: IndexerMetrics;
  stopping: AbortSignal;
}

const FLOOR_RANGE_BLOCKS = 50;
const FLOOR_WRITE_BATCH = 1_000;

async function main(task: PartTask): Promise<void> {
  const config = loadConfig("indexer", {
    NODE_ENV: "test",
    RPC_URL: task.rpcUrl,
    MONGODB_URI: task.mongodbUri,
    DEPLOYMENTS_DIR: task.deploymentsDir,
    INDEXER_RPC_TIMEOUT_MS: "60000",
  });
  const deployment = loadDeployment(config.chain);
  const result = await measure({
    task,
    config,
    deployment,
    contracts: contractsOf(deployment),
    logger: createLogger({ ...config, logLevel: "error" }),
    metrics: createMetrics(),
    stopping: new AbortController().signal,
  });
  process.send?.(result, () => process.exit(0));
}

function measure(context: PartContext): Promise<PartResult> {
  switch (context.task.part) {
    case "fetch floor":
      return measureFetchFloor(context);
    case "unverified":
      return measureBackfill(context, { verify: false });
    case "verified":
      return measureBackfill(context, { verify: true });
    case "write floor":
      return measureWriteFloor(context);
    case "end to end":
      return measureEndToEnd(context);
    default:
      return assertNever(context.task.part);
  }
}

/** `eth_getLogs` and decoding, one range after the other. */
async function measureFetchFloor(context: PartContext): Promise<PartResult> {
  const { task, deployment, contracts } = context;
  const startedMs = performance.now();
  const source = createBenchSource(context);
  let events = 0;
  for (let from = deployment.contracts.DIDRegistry.blockNumber; from <= task.head; from += FLOOR_RANGE_BLOCKS) {
    const to = Math.min(task.head, from + FLOOR_RANGE_BLOCKS - 1);
    const { logs } = await source.ask("logs", (endpoint) => logsBetween(endpoint, from, to, [...contracts.keys()]));
    for (const log of logs) {
      const registry = contracts.get(log.address);
      if (registry) decodeLog(registry, log, { number: Number(log.blockNumber), minedAt: new Date(0) });
    }
    events += logs.length;
  }
  source.close();
  return { events, seconds: secondsSince(startedMs) };
}

/** The indexer's own backfill, whose batches are counted and not written. */
async function measureBackfill(context: PartContext, { verify }: { verify: boolean }): Promise<PartResult> {
  const { task, deployment, contracts, stopping } = context;
  const startedMs = performance.now();
  const source = createBenchSource(context);
  let events = 0;
  const write = (batch: { events: unknown[] }) => {
    events += batch.events.length;
    return Promise.resolve();
  };
  const from = deployment.contracts.DIDRegistry.blockNumber;
  await backfill({ source, fetch: { contracts, verify }, after: null, from, to: task.head, write, stopping });
  source.close();
  return { events, seconds: secondsSince(startedMs) };
}

/** The whole indexer, until it has caught up. */
async function measureEndToEnd(context: PartContext): Promise<PartResult> {
  const { task, config, deployment, logger, metrics, stopping } = context;
  const mongo = await connectMongo({ uri: task.mongodbUri, name: "bench" });
  createRegistryCollections(mongo);
  await ensureIndexes(mongo);
  const startedMs = performance.now();
  await new Promise<void>((resolve, reject) => {
    runIndexer({
      mongo,
      config,
      clock: systemClock,
      logger,
      metrics,
      activity: createActivity(),
      stopping,
      onReady: resolve,
      readDeployment: () => deployment,
      terminal: { write: () => undefined },
    }).catch(reject);
  });
  const events = (await metrics.events.get()).values[0]?.value ?? 0;
  return { events, seconds: secondsSince(startedMs) };
}

/** Inserts what the end-to-end part has written into an empty database, in bulk. */
async function measureWriteFloor({ task }: PartContext): Promise<PartResult> {
  const source = createRegistryCollections(await connectMongo({ uri: task.mongodbUri, name: "bench" }));
  const documents = await Promise.all(
    [source.events, source.dids, source.words].map((collection) => collection.find({}).toArray()),
  );
  const uri = new URL(task.mongodbUri);
  uri.pathname += "_floor";
  const mongo = await connectMongo({ uri: uri.href, name: "bench" });
  const target = createRegistryCollections(mongo);
  await ensureIndexes(mongo);
  const startedMs = performance.now();
  const collections = [target.events, target.dids, target.words] as unknown as (typeof target.events)[];
  for (const [index, collection] of collections.entries()) {
    const list = (documents[index] ?? []) as never[];
    for (let at = 0; at < list.length; at += FLOOR_WRITE_BATCH) {
      await collection.insertMany(list.slice(at, at + FLOOR_WRITE_BATCH), { ordered: false });
    }
  }
  return { events: documents[0]?.length ?? 0, seconds: secondsSince(startedMs) };
}

function createBenchSource({ task, metrics, logger, stopping }: PartContext): Source {
  return createSource({ urls: [task.rpcUrl], timeoutMs: 60_000, metrics, logger, stopping });
}

function secondsSince(startedMs: number): number {
  return (performance.now() - startedMs) / 1000;
}

void main(JSON.parse(process.argv[2] ?? "{}") as PartTask);
