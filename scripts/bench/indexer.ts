/**
 * Measures the indexer against its own floors, all in one run: `npm run bench:indexer [-- --events 100000 --per-block 50]`.
 * Needs anvil: the package `@foundry-rs/anvil`, or the path of its binary in `ANVIL`.
 */
import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { connectMongo, ensureIndexes } from "../../core/mongo";
import { CHECKPOINT_ID, openRegistryCollections } from "../../core/registry/models";
import { startMongo } from "../../embedded/startMongo";
import { startBenchChain } from "./indexerChain";
import type { PartName, PartResult, PartTask } from "./indexerPart";
import { measureLatency, type Latency } from "./indexerLatency";

const { values } = parseArgs({
  options: { events: { type: "string", default: "100000" }, "per-block": { type: "string", default: "50" } },
});

/** Each part in a process of its own, so that none pays for another's memory. */
function measure(task: PartTask): Promise<PartResult> {
  return new Promise((resolve, reject) => {
    const child = fork(join(__dirname, "indexerPart.ts"), [JSON.stringify(task)], { execArgv: ["--import", "tsx"] });
    child.once("message", (result) => resolve(result as PartResult));
    child.once("exit", (code) => reject(new Error(`part ${task.part} ended with ${code} and no result`)));
  });
}

const rate = (result: PartResult) => result.events / result.seconds;
const shown = (value: number) => Math.round(value).toLocaleString("en").padStart(9);

async function main(): Promise<void> {
  const events = Number(values.events);
  const folder = mkdtempSync(join(tmpdir(), "cairn-bench-"));
  const chain = await startBenchChain(folder);
  const mongo = await startMongo({ dataDir: folder, persistent: false, env: { ...process.env, MONGODB_URI: "" } });
  try {
    const startedMs = performance.now();
    const head = await chain.produce({ events, perBlock: Number(values["per-block"]) });
    console.log(
      `${events} events in ${head} blocks, made in ${((performance.now() - startedMs) / 1000).toFixed(0)} s\n`,
    );
    const database = new URL(mongo.url);
    const run = (part: PartName, name: string) => {
      database.pathname = `/bench_${name}`;
      const { deploymentsDir, httpUrl: rpcUrl } = chain;
      return measure({ part, rpcUrl, deploymentsDir, mongodbUri: database.href, head });
    };
    const a = await run("fetch floor", "none");
    const unverified = await run("unverified", "none");
    const verified = await run("verified", "none");
    const d = await run("end to end", "full");
    const b = await run("write floor", "full");
    const line = (what: string, result: PartResult, compared: string) =>
      console.log(
        `${what.padEnd(46)}${shown(rate(result))} events/s  ${result.peakMb.toFixed(0).padStart(4)} MB  ${compared}`,
      );
    line("(a) fetch floor: eth_getLogs, hand decoding", a, "");
    line("(b) write floor: the same documents, bulk", b, "");
    line("(c) without a sink, unverified", unverified, `${(rate(unverified) / rate(a)).toFixed(2)} of (a)`);
    line("(c) without a sink, bloom-verified", verified, `${(rate(verified) / rate(a)).toFixed(2)} of (a), goal 0.60`);
    line(
      "(d) end to end, verified, exactly once",
      d,
      `${(rate(d) / rate(b)).toFixed(2)} of (b), goal 0.70 or 12,000/s`,
    );

    for (const how of ["subscription", "polling"] as const) {
      database.pathname = `/bench_${how}`;
      await startAtHead(new URL(mongo.url), database);
      const latency = await measureLatency({ chain, mongodbUri: database.href, how });
      describe(how, latency);
    }
  } finally {
    await chain.stop();
    await mongo.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The index of part (d), copied up to its cursor: latency is measured from there, not from a backfill. */
async function startAtHead(server: URL, target: URL): Promise<void> {
  const from = new URL(server);
  from.pathname = "/bench_full";
  const source = await connectMongo({ uri: from.href, name: "bench" });
  const copy = await connectMongo({ uri: target.href, name: "bench" });
  const checkpoint = await openRegistryCollections(source).checkpoints.findOne({ _id: CHECKPOINT_ID });
  const collections = openRegistryCollections(copy);
  await ensureIndexes(copy);
  if (checkpoint)
    await collections.checkpoints.insertOne({ ...checkpoint, lease: { ...checkpoint.lease, holder: null } });
  await source.close();
  await copy.close();
}

function describe(how: string, { p50Ms, p99Ms, blocks }: Latency): void {
  const goal = how === "subscription" ? "goal 60 / 250 ms" : "";
  console.log(
    `(e) head to visible by ${how}, ${blocks} blocks: p50 ${p50Ms.toFixed(0)} ms, p99 ${p99Ms.toFixed(0)} ms  ${goal}`,
  );
}

void main();
