import { spawn } from "node:child_process";

/** What every commit must pass beside the tests; each runs to its end, so that one round shows everything. */
const CHECKS: { name: string; script: string; args: string[] }[] = [
  { name: "types", script: "node_modules/typescript/bin/tsc", args: ["--noEmit", "-p", "."] },
  { name: "linter", script: "node_modules/eslint/bin/eslint.js", args: ["--max-warnings", "0", "."] },
  {
    name: "formatter",
    script: "node_modules/prettier/bin/prettier.cjs",
    args: ["--check", "--log-level", "warn", "."],
  },
  {
    name: "Solidity linter",
    script: "node_modules/solhint/solhint.js",
    args: ["--max-warnings", "0", "--disc", "--noPoster", "contracts/**/*.sol"],
  },
  { name: "compiled contracts", script: "scripts/launch/verifyTypes.cjs", args: [] },
  { name: "generated protobuf code", script: "scripts/launch.cjs", args: ["scripts/protobuf.ts", "--check"] },
];

async function run({ script, args }: { script: string; args: string[] }): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number>((resolve) => child.on("close", (status) => resolve(status ?? 1)));
  return { code, output };
}

async function main(): Promise<void> {
  const results = await Promise.all(CHECKS.map(async (check) => ({ ...check, ...(await run(check)) })));
  for (const { name, code, output } of results) {
    process.stdout.write(`${code === 0 ? "ok    " : "FAILED"}  ${name}\n`);
    if (code !== 0) process.stdout.write(`${output.trimEnd()}\n\n`);
  }
  process.exitCode = results.every(({ code }) => code === 0) ? 0 : 1;
}

void main();
