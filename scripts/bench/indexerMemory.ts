import { spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connectMongo } from "../../core/mongo";
import { CHECKPOINT_ID, createRegistryCollections } from "../../projection/models";
import { freePort } from "../../embedded/ports";
import type { BenchChain } from "./indexerChain";

const ROOT = join(__dirname, "..", "..");
const POLL_INTERVAL_MS = 100;

/** How much memory a backfill from nothing took at most, and how long it lasted. */
export interface Footprint {
  peakMb: number;
  seconds: number;
}

/**
 * The most resident memory of the indexer as it is deployed (compiled, started by its command), from an empty database
 * to the block `head`, by its own metrics. `npm run build` comes first.
 */
export async function measureMemory(options: {
  chain: BenchChain;
  mongodbUri: string;
  head: number;
}): Promise<Footprint> {
  const { chain, mongodbUri, head } = options;
  const port = await freePort();
  const startedMs = performance.now();
  const child = spawn(process.execPath, [join(ROOT, "scripts/launch.cjs"), "indexer/main.ts"], {
    stdio: "ignore",
    env: {
      ...process.env,
      NODE_ENV: "production",
      RPC_URL: chain.httpUrl,
      CHAIN_ID: "31337",
      MONGODB_URI: mongodbUri,
      MONGODB_UNAUTHENTICATED: "true",
      DEPLOYMENTS_DIR: chain.deploymentsDir,
      INDEXER_PORT: String(port),
      INDEXER_RPC_TIMEOUT_MS: "60000",
    },
  });
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const mongo = await connectMongo({ uri: mongodbUri, name: "bench" });
  const { checkpoints } = createRegistryCollections(mongo);
  let peakMb = 0;
  try {
    let indexed = -1;
    while (indexed < head) {
      await delay(POLL_INTERVAL_MS);
      if (child.exitCode !== null) throw new Error(`the indexer ended with ${child.exitCode}; run npm run build first`);
      peakMb = Math.max(peakMb, await residentMb(port));
      indexed = (await checkpoints.findOne({ _id: CHECKPOINT_ID }))?.indexed?.number ?? -1;
    }
    return { peakMb, seconds: (performance.now() - startedMs) / 1000 };
  } finally {
    await mongo.close();
    child.kill("SIGTERM");
    await exited;
  }
}

/** 0 while the indexer does not answer yet. */
async function residentMb(port: number): Promise<number> {
  const text = await fetch(`http://127.0.0.1:${port}/metrics`).then(
    (answer) => answer.text(),
    () => "",
  );
  return Number(/^process_resident_memory_bytes (\S+)/m.exec(text)?.[1] ?? 0) / 2 ** 20;
}
