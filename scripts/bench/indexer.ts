/**
 * Measures the indexer against its own floors, all in one run: `npm run build && npm run bench:indexer [-- --events 100000
 * --per-block 50 --memory 1000000]`; with `--memory 0` the memory is not measured, which takes half of the time.
 * Needs anvil, a fast chain: the package `@foundry-rs/anvil`, or the path of its binary in `ANVIL`.
 */
import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startMongo } from "../../embedded/startMongo";
import { type BenchChain, startBenchChain } from "./indexerChain";
import { measureLatency } from "./indexerLatency";
import { measureMemory } from "./indexerMemory";
import type { PartName, PartResult, PartTask } from "./indexerPart";

const { values } = parseArgs({
  options: {
    events: { type: "string", default: "100000" },
    "per-block": { type: "string", default: "50" },
    /** Up to how many events the memory is measured. */
    memory: { type: "string", default: "1000000" },
  },
});

/** As the indexer's command starts it; see scripts/launch.cjs and indexer/main.ts. */
const DEPLOYED = ["--max-semi-space-size=8", "--heap-growing-percent=25"];
/** Blocks mined before latency is measured, on a chain whose node mines fast because it is small. */
const LATENCY_EVENTS = 1_000;

/** Each part in a process of its own, so that no part runs with the garbage of another. */
function measure(task: PartTask): Promise<PartResult> {
  return new Promise((resolve, reject) => {
    const execArgv = ["--require", "./scripts/typescript.cjs", ...(task.part === "end to end" ? DEPLOYED : [])];
    const child = fork(join(__dirname, "indexerPart.ts"), [JSON.stringify(task)], { execArgv });
    child.once("message", (result) => resolve(result as PartResult));
    child.once("exit", (code) => reject(new Error(`part ${task.part} ended with ${code} and no result`)));
  });
}

const rate = (result: PartResult) => result.events / result.seconds;
const formatted = (value: number) => Math.round(value).toLocaleString("en").padStart(9);

async function main(): Promise<void> {
  const events = Number(values.events);
  const perBlock = Number(values["per-block"]);
  await withSetup((setup) => measureRates(setup, { events, perBlock }));
  await withSetup(measureLatencies);
  if (Number(values.memory) > 0) await withSetup((setup) => measureFootprints(setup, { events, perBlock }));
}

/** A chain and a database of their own, ended afterwards. */
interface BenchSetup {
  chain: BenchChain;
  /** The URI of a database by this name. */
  database(name: string): string;
}

async function withSetup(measureOn: (setup: BenchSetup) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "cairn-bench-"));
  const chain = await startBenchChain(folder);
  const mongo = await startMongo({ dataDir: folder, persistent: false, env: { ...process.env, MONGODB_URI: "" } });
  const database = (name: string) => {
    const uri = new URL(mongo.url);
    uri.pathname = `/bench_${name}`;
    return uri.href;
  };
  try {
    await measureOn({ chain, database });
  } finally {
    await chain.stop();
    await mongo.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureRates(
  { chain, database }: BenchSetup,
  production: { events: number; perBlock: number },
): Promise<void> {
  const startedMs = performance.now();
  const head = await chain.produce(production);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
  console.log(`${formatted(production.events).trim()} events in ${head} blocks, made in ${seconds} s\n`);
  const run = (part: PartName) => {
    const { deploymentsDir, httpUrl: rpcUrl } = chain;
    return measure({ part, rpcUrl, deploymentsDir, mongodbUri: database("full"), head });
  };
  const a = await run("fetch floor");
  const unverified = await run("unverified");
  const verified = await run("verified");
  const d = await run("end to end");
  const b = await run("write floor");
  const line = (what: string, result: PartResult, compared: string) =>
    console.log(`${what.padEnd(46)}${formatted(rate(result))} events/s  ${compared}`);
  const share = (result: PartResult, floor: PartResult) => (rate(result) / rate(floor)).toFixed(2);
  line("(a) fetch floor: eth_getLogs, hand decoding", a, "");
  line("(b) write floor: the same documents, bulk", b, "");
  line("(c) without a sink, unverified", unverified, `${share(unverified, a)} of (a)`);
  line("(c) without a sink, bloom-verified", verified, `${share(verified, a)} of (a), goal 0.60`);
  line("(d) end to end, verified, exactly once", d, `${share(d, b)} of (b), goal 0.70 or 12,000/s`);
}

async function measureLatencies({ chain, database }: BenchSetup): Promise<void> {
  await chain.produce({ events: LATENCY_EVENTS, perBlock: 50 });
  for (const feed of ["subscription", "polling"] as const) {
    const { p50Ms, p99Ms, blocks } = await measureLatency({ chain, mongodbUri: database(feed), feed });
    const goal = feed === "subscription" ? "goal 60 / 250 ms" : "";
    const figures = `p50 ${p50Ms.toFixed(0)} ms, p99 ${p99Ms.toFixed(0)} ms`;
    console.log(`(e) head to visible by ${feed}, ${blocks} blocks: ${figures}  ${goal}`);
  }
}

async function measureFootprints(
  { chain, database }: BenchSetup,
  { events, perBlock }: { events: number; perBlock: number },
): Promise<void> {
  let made = 0;
  for (const count of [events, Number(values.memory)]) {
    const head = await chain.produceInBulk({ events: count - made, perBlock });
    made = count;
    const { peakMb, seconds } = await measureMemory({ chain, mongodbUri: database(`memory_${count}`), head });
    const figures = `${peakMb.toFixed(0)} MB resident at most, ${formatted(count / seconds).trim()} events/s`;
    console.log(`(f) deployed, ${formatted(count).trim()} events: ${figures}  goal 200 MB, flat`);
  }
}

void main();
