/** One measured part of the indexer's bench, in a process of its own. */
import { systemClock } from "../../core/clock";
import { loadConfig } from "../../core/config/config";
import { loadDeployment } from "../../chain/deployment";
import { createLogger } from "../../core/logger";
import { connectMongo, ensureIndexes } from "../../core/mongo";
import { createRegistryCollections } from "../../projection/models";
import { backfill } from "../../indexer/sync/backfill";
import { decodeLog } from "../../indexer/fetch/decode";
import { logsBetween } from "../../indexer/fetch/logs";
import { contractsOf } from "../../indexer/sync/identify";
import { createMetrics } from "../../indexer/metrics";
import { runIndexer } from "../../indexer/sync/leader";
import { createSource } from "../../indexer/rpc/source";

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

async function main(task: PartTask): Promise<void> {
  const config = loadConfig("indexer", {
    NODE_ENV: "test",
    RPC_URL: task.rpcUrl,
    MONGODB_URI: task.mongodbUri,
    DEPLOYMENTS_DIR: task.deploymentsDir,
    INDEXER_RPC_TIMEOUT_MS: "60000",
  });
  const deployment = loadDeployment(config.chain);
  const contracts = contractsOf(deployment);
  const logger = createLogger({ ...config, logLevel: "error" });
  const metrics = createMetrics();
  const stop = new AbortController();
  const connect = () =>
    createSource({ urls: [task.rpcUrl], timeoutMs: 60_000, metrics, logger, stopping: stop.signal });
  const from = deployment.contracts.DIDRegistry.blockNumber;
  let events = 0;
  let startedMs = performance.now();

  if (task.part === "fetch floor") {
    const source = connect();
    const step = 50;
    for (let at = from; at <= task.head; at += step) {
      const to = Math.min(task.head, at + step - 1);
      const { logs } = await source.ask("logs", (endpoint) => logsBetween(endpoint, at, to, [...contracts.keys()]));
      for (const log of logs) {
        const registry = contracts.get(log.address);
        if (registry) decodeLog(registry, log, { number: Number(log.blockNumber), minedAt: new Date(0) });
      }
      events += logs.length;
    }
    source.close();
  } else if (task.part === "unverified" || task.part === "verified") {
    const source = connect();
    const write = (batch: { events: unknown[] }) => {
      events += batch.events.length;
      return Promise.resolve();
    };
    const fetch = { contracts, verify: task.part === "verified" };
    await backfill({ source, fetch, after: null, from, to: task.head, write, stopping: stop.signal });
    source.close();
  } else {
    const mongo = await connectMongo({ uri: task.mongodbUri, name: "bench" });
    const collections = createRegistryCollections(mongo);
    if (task.part === "end to end") {
      await ensureIndexes(mongo);
      startedMs = performance.now();
      await new Promise<void>((resolve, reject) => {
        runIndexer({
          mongo,
          config,
          clock: systemClock,
          logger,
          metrics,
          stopping: stop.signal,
          onReady: resolve,
          readDeployment: () => deployment,
          terminal: { write: () => undefined },
        }).catch(reject);
      });
      events = (await metrics.events.get()).values[0]?.value ?? 0;
    } else {
      const documents = await Promise.all(
        [collections.events, collections.dids, collections.words].map((collection) => collection.find({}).toArray()),
      );
      const uri = new URL(task.mongodbUri);
      uri.pathname += "_floor";
      const target = await connectMongo({ uri: uri.href, name: "bench" });
      const empty = createRegistryCollections(target);
      await ensureIndexes(target);
      startedMs = performance.now();
      const lists = [empty.events, empty.dids, empty.words] as unknown as (typeof empty.events)[];
      for (const [index, collection] of lists.entries()) {
        const list = (documents[index] ?? []) as never[];
        for (let at = 0; at < list.length; at += 1_000) {
          await collection.insertMany(list.slice(at, at + 1_000), { ordered: false });
        }
      }
      events = documents[0]?.length ?? 0;
    }
  }
  const seconds = (performance.now() - startedMs) / 1000;
  const result: PartResult = { events, seconds };
  process.send?.(result, () => process.exit(0));
}

void main(JSON.parse(process.argv[2] ?? "{}") as PartTask);
