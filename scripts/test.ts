import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { planMongodRun } from "./test/mongodSuites";
import { SLOWEST_FILES } from "./test/slowestFiles";

/**
 * `npm test`: the whole suite, or the files and options given after `--`. Test files run side by side in processes that
 * share the servers the suite starts (test/support/environment.ts); each file takes databases and key prefixes of its
 * own. MongoDB is the embedded server unless `CAIRN_MONGO=mongod` or `MONGODB_URI` says otherwise. `--no-parallel` runs them one after another in one process, `--jobs N` in N processes.
 */
const given = process.argv.slice(2);
const isFile = (argument: string) => /^(\.\/)?test\//.test(argument);
const files = given.some(isFile) ? [] : wholeSuite();
const options = given.filter((argument) => argument !== "--no-parallel");

/** Most tests wait most of the time, for a process to start or a block to be indexed: twice as many as processors. */
const jobs = String(Math.max(4, 2 * availableParallelism()));
const parallel = given.includes("--no-parallel")
  ? []
  : ["--parallel", ...(given.includes("--jobs") ? [] : ["--jobs", jobs])];
// A single file's titles are worth reading; those of the whole suite are two thousand lines.
const reporter =
  files.length === 0 || given.includes("--reporter") ? [] : ["--reporter", "scripts/test/fileReporter.ts"];
const colour = process.stdout.isTTY ? ["--color"] : [];

void main().then((code) => process.exit(code));

/** The whole suite runs on the embedded MongoDB server, and in part on MongoDB itself where this machine has it. */
async function main(): Promise<number> {
  const code = await runMocha(files, process.env["CAIRN_MONGO"] ?? "embedded");
  if (files.length === 0 || code !== 0) return code;
  const plan = planMongodRun(files, process.env);
  if ("skipped" in plan) {
    process.stdout.write(`not run on MongoDB itself: ${plan.skipped}\n`);
    return 0;
  }
  process.stdout.write(`on MongoDB itself, the mongod on PATH: ${plan.files.length} files\n`);
  return runMocha(plan.files, "mongod");
}

/** Runs files, or what was given after `--`, with the MongoDB server that `CAIRN_MONGO` names. */
function runMocha(run: string[], mongo: string): Promise<number> {
  const child = spawn(
    process.execPath,
    ["node_modules/mocha/bin/mocha.js", ...parallel, ...reporter, ...colour, ...options, ...run],
    {
      stdio: ["inherit", "pipe", "inherit"],
      env: {
        ...process.env,
        CAIRN_MONGO: mongo,
        HARDHAT_DISABLE_TELEMETRY_PROMPT: "true",
        TS_NODE_TRANSPILE_ONLY: "true",
        // Hardhat's network keeps freed memory for its next call's trace: giving it back takes a tenth of the histories.
        MIMALLOC_PURGE_DELAY: "-1",
      },
    },
  );
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
    process.stdout.write(chunk);
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => {
    child.on("close", (code) => {
      const count = (what: string) => Number(new RegExp(`^\\D*(\\d+) ${what}`, "m").exec(summaryOf(output))?.[1] ?? 0);
      const [passed, failed] = [count("passing"), count("failing")];
      process.stdout.write(`${passed} passed, ${failed} failed\n`);
      // A runner that left without running anything must not pass for a suite that holds.
      resolve(passed === 0 && code === 0 ? 1 : (code ?? 1));
    });
  });
}

/** Every test file, the slowest first: one of them started last would keep the others waiting. */
function wholeSuite(): string[] {
  const names = readdirSync("test", { recursive: true, encoding: "utf8" })
    .map((name) => `test/${name.replaceAll("\\", "/")}`)
    .filter((name) => name.endsWith(".test.ts"))
    .sort();
  const slowest = SLOWEST_FILES.filter((name) => names.includes(name));
  return [...slowest, ...names.filter((name) => !slowest.includes(name))];
}

/** Mocha's closing lines; the words may stand in a test's title as well. */
function summaryOf(text: string): string {
  const closing = [...text.matchAll(/^\s*(?:\u001b\[[\d;]*m|\s)*\d+ passing/gm)].at(-1)?.index ?? text.length;
  return text.slice(closing);
}
