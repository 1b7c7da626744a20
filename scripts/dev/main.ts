import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { dataDirOf, readEnvironment } from "../../core/config/environment";
import { messageOf } from "../../core/errors";
import { runAliceDemo } from "../demo/alice";
import { printDemo } from "../demo/printDemo";
import { demoTargetOf, type RunningCairn, startCairn } from "./cairn";
import { emptyDataDir } from "./fresh";
import { printEndpoints, processLine } from "./output";
import { createProgress } from "./progress";

const ROOT = join(__dirname, "..", "..");
const USAGE = `npm start              runs everything on this machine, with the data of the last start
npm start -- --fresh   removes that data first: chain, databases, keys`;
/** Another folder lets two Cairns run side by side. */
const DATA_DIR = dataDirOf(readEnvironment());
const progress = createProgress(process.stdout);

/**
 * `npm start`: starts everything on this machine, runs the demo once, then stays until Ctrl-C; with `--fresh` on empty
 * data.
 */
async function main(): Promise<void> {
  const fresh = readArguments();
  const signal = waitForSignal();
  const startedMs = performance.now();
  if (readEnvironment()["NODE_ENV"] === "production") {
    throw new Error("npm start is for development: in production run npm run api, worker, indexer and gateway.");
  }
  progress.print("Starting Cairn; Ctrl-C ends it.\n");
  process.send?.("printing");
  const env = readEnvironment();
  const report = (name: string, line: string) => progress.print(processLine(name, line));
  if (fresh) await emptyDataDir(DATA_DIR, { env, report: (line) => report("data", line) });
  const starting = startCairn({
    dataDir: DATA_DIR,
    env,
    report,
    onActivity: progress.start,
  });
  const first = await Promise.race([starting, signal]);
  // A signal during the start waits for its end, so that everything that was started is stopped.
  const cairn = first === "signal" ? await starting : first;
  if (first !== "signal") {
    progress.print(`\nAlice's story, with a real wallet\n`);
    await Promise.race([runDemo(cairn), signal]);
    progress.end();
    progress.print(`\nCairn is running (${((performance.now() - startedMs) / 1000).toFixed(0)} s)\n`);
    printEndpoints(progress.print, cairn, ROOT);
    await signal;
  }
  progress.print("\nEnding everything ...");
  progress.start("ending everything");
  await cairn.stop();
  progress.end();
  progress.print(`Ended. Data is kept in ${relative(process.cwd(), DATA_DIR)}/; "npm start -- --fresh" starts empty.`);
}

/** Whether `--fresh` was given; any other argument ends the process with the usage. */
function readArguments(): boolean {
  try {
    return parseArgs({ options: { fresh: { type: "boolean", default: false } } }).values.fresh;
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n\n${USAGE}\n`);
    process.exit(64);
  }
}

/** Prints the error of a demo that fails. Cairn stays up, so that its cause can be found. */
async function runDemo(cairn: RunningCairn): Promise<void> {
  try {
    await printDemo(progress, runAliceDemo, demoTargetOf(cairn));
  } catch (error) {
    progress.print(`  The story stopped: ${messageOf(error)}\n  "npm run demo" continues it.`);
  }
}

/**
 * Resolves at Ctrl-C, at a signal that ends processes, and when the launcher is gone. A second signal ends this process
 * at once; its children end with it.
 */
function waitForSignal(): Promise<"signal"> {
  let firstMs: number | undefined;
  return new Promise((resolve) => {
    const receive = () => {
      const now = performance.now();
      // One Ctrl-C may arrive twice, from the terminal and from the launcher.
      if (firstMs !== undefined && now - firstMs > 500) process.exit(130);
      firstMs ??= now;
      resolve("signal");
    };
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, receive);
    process.on("disconnect", receive);
  });
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`\n${messageOf(error)}\n`);
    process.exit(1);
  },
);
