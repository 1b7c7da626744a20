import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { SLOWEST_FILES } from "./test/slowestFiles";

/**
 * `npm test`: the whole suite, or the files and options given after `--`. Test files run side by side in processes that
 * share the servers the suite starts (test/support/environment.ts); each file takes databases and key prefixes of its
 * own. `--no-parallel` runs them one after another in one process, `--jobs N` in N processes.
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

const child = spawn(
  process.execPath,
  ["node_modules/mocha/bin/mocha.js", ...parallel, ...reporter, ...colour, ...options, ...files],
  {
    stdio: ["inherit", "pipe", "inherit"],
    env: {
      ...process.env,
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
child.on("close", (code) => {
  const count = (what: string) => Number(new RegExp(`^\\D*(\\d+) ${what}`, "m").exec(summaryOf(output))?.[1] ?? 0);
  const [passed, failed] = [count("passing"), count("failing")];
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  // A runner that left without running anything must not pass for a suite that holds.
  process.exit(passed === 0 && code === 0 ? 1 : (code ?? 1));
});

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
