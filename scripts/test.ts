import { spawn } from "node:child_process";

/**
 * `npm test`: the whole suite, or the files and options given after `--`. Test files run in two processes side by side;
 * the servers they need are started by the suite itself (test/support/environment.ts).
 */
const given = process.argv.slice(2);
const files = given.some((argument) => /^(\.\/)?test\//.test(argument)) ? [] : ["test/**/*.test.ts"];
const parallel = given.includes("--no-parallel") ? [] : ["--parallel", "--jobs", "2"];
const colour = process.stdout.isTTY ? ["--color"] : [];
const options = given.filter((argument) => argument !== "--no-parallel");
const args = ["node_modules/mocha/bin/mocha.js", ...parallel, ...colour, ...options, ...files];
const env = { ...process.env, HARDHAT_DISABLE_TELEMETRY_PROMPT: "true", TS_NODE_TRANSPILE_ONLY: "true" };
const child = spawn(process.execPath, args, { stdio: ["inherit", "pipe", "inherit"], env });

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

/** Mocha's closing lines; the words may stand in a test's title as well. */
function summaryOf(text: string): string {
  const closing = [...text.matchAll(/^\s*(?:\u001b\[[\d;]*m|\s)*\d+ passing/gm)].at(-1)?.index ?? text.length;
  return text.slice(closing);
}
