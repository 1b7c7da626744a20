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

/** From a block's being mined to its being in the index, under a steady stream, with the indexer as its own process. */
export async function measureLatency(options: {
  chain: BenchChain;
  mongodbUri: string;
  how: "subscription" | "polling";
}): Promise<Latency> {
  const { chain, mongodbUri, how } = options;
  const child = spawn(
    process.execPath,
    ["--require", "./scripts/typescript.cjs", join(__dirname, "../../indexer/main.ts")],
    {
      stdio: "ignore",
      env: {
        ...process.env,
        RPC_URL: how === "subscription" ? `${chain.socketUrl},${chain.httpUrl}` : chain.httpUrl,
        MONGODB_URI: mongodbUri,
        DEPLOYMENTS_DIR: chain.deploymentsDir,
        INDEXER_PORT: "0",
        INDEXER_POLL_MS: how === "subscription" ? "1000" : "100",
      },
    },
  );
  const mongo = await connectMongo({ uri: mongodbUri, name: "bench" });
  const { checkpoints } = createRegistryCollections(mongo);
  const indexed = async () => (await checkpoints.findOne({ _id: CHECKPOINT_ID }))?.indexed?.number ?? -1;
  const reach = async (block: number) => {
    while ((await indexed()) < block) await delay(1);
  };
  try {
    await reach((await chain.tick()).number);
    const took: number[] = [];
    for (let block = 0; block < BLOCKS; block += 1) {
      const { number, minedMs } = await chain.tick();
      await reach(number);
      took.push(performance.now() - minedMs);
      await delay(PAUSE_MS);
    }
    took.sort((a, b) => a - b);
    const at = (share: number) => took[Math.min(took.length - 1, Math.floor(took.length * share))] ?? 0;
    return { p50Ms: at(0.5), p99Ms: at(0.99), blocks: BLOCKS };
  } finally {
    await mongo.close();
    const exited = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await exited;
  }
}
