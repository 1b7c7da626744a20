import { spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connectMongo } from "../../core/mongo";
import { CHECKPOINT_ID, createRegistryCollections } from "../../projection/models";
import type { BenchChain } from "./indexerChain";

export interface Latency {
  p50Ms: number;
  p99Ms: number;
  blocks: number;
}

const BLOCKS = 200;
const PAUSE_MS = 100;

/** Measures the time from mining a block until it is indexed, block after block, with the indexer as a process of its own. */
export async function measureLatency(options: {
  chain: BenchChain;
  mongodbUri: string;
  feed: "subscription" | "polling";
}): Promise<Latency> {
  const { chain, mongodbUri, feed } = options;
  const child = spawn(
    process.execPath,
    ["--require", "./scripts/typescript.cjs", join(__dirname, "../../indexer/main.ts")],
    {
      stdio: "ignore",
      env: {
        ...process.env,
        RPC_URL: feed === "subscription" ? `${chain.socketUrl},${chain.httpUrl}` : chain.httpUrl,
        MONGODB_URI: mongodbUri,
        DEPLOYMENTS_DIR: chain.deploymentsDir,
        INDEXER_PORT: "0",
        INDEXER_POLL_MS: feed === "subscription" ? "1000" : "100",
      },
    },
  );
  const mongo = await connectMongo({ uri: mongodbUri, name: "bench" });
  const { checkpoints } = createRegistryCollections(mongo);
  const indexed = async () => (await checkpoints.findOne({ _id: CHECKPOINT_ID }))?.indexed?.number ?? -1;
  const waitUntilIndexed = async (block: number) => {
    while ((await indexed()) < block) await delay(1);
  };
  try {
    await waitUntilIndexed((await chain.mineBlock()).number);
    const latenciesMs: number[] = [];
    for (let block = 0; block < BLOCKS; block += 1) {
      const { number, minedMs } = await chain.mineBlock();
      await waitUntilIndexed(number);
      latenciesMs.push(performance.now() - minedMs);
      await delay(PAUSE_MS);
    }
    latenciesMs.sort((a, b) => a - b);
    const quantile = (share: number) =>
      latenciesMs[Math.min(latenciesMs.length - 1, Math.floor(latenciesMs.length * share))] ?? 0;
    return { p50Ms: quantile(0.5), p99Ms: quantile(0.99), blocks: BLOCKS };
  } finally {
    await mongo.close();
    const exited = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await exited;
  }
}
