/**
 * Takes the rules out of the contracts, one at a time, and sees that a test notices each.
 * `node --require ./scripts/typescript.cjs scripts/mutation/contracts.ts [part of a property's name]`; about
 * 25 seconds a rule.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Mutation, MUTATIONS } from "./mutations";

const ROOT = join(__dirname, "..", "..");
const COPIED = [
  "contracts",
  // What is compiled already, so that only what a mutation touches is compiled again.
  "artifacts",
  "cache",
  "core",
  "chain",
  "test/contracts",
  "test/support/bitstringReader.ts",
  "hardhat.config.ts",
  "scripts/typescript.cjs",
];
const COPIED_SETTINGS = ["package.json", "tsconfig.json"];

function copyProject(): string {
  const folder = mkdtempSync(join(tmpdir(), "cairn-mutation-"));
  for (const path of [...COPIED, ...COPIED_SETTINGS]) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    cpSync(join(ROOT, path), join(folder, path), { recursive: true });
  }
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  return folder;
}

function run(folder: string, args: string[]): { status: number | string | null; output: string } {
  const env = {
    ...process.env,
    HARDHAT_DISABLE_TELEMETRY_PROMPT: "true",
    CONTRACT_PROPERTY_SHRINK: "no",
    CONTRACT_PROPERTY_RUNS: "400",
  };
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, env, encoding: "utf8" });
  return { status: status ?? signal, output: stdout + stderr };
}

function compile(folder: string): void {
  const { status, output } = run(folder, [
    "node_modules/hardhat/internal/cli/bootstrap.js",
    "compile",
    "--no-typechain",
  ]);
  if (status !== 0) throw new Error(`The mutated contracts do not compile:\n${output}`);
}

/** Whether a test fails, among those whose title contains `title`. The first that does ends the run. */
function fails(folder: string, { test, title }: Mutation): boolean {
  const mocha = [
    "--require",
    "./scripts/typescript.cjs",
    "node_modules/mocha/bin/mocha.js",
    "--no-config",
    "--exit",
    "--bail",
    "--timeout",
    "240000",
  ];
  // Not mocha's JSON: it loses the report when a failed assertion has compared a bigint.
  const { status, output } = run(folder, [...mocha, "--reporter", "tap", "--fgrep", title, `test/contracts/${test}`]);
  const results = output.split("\n").filter((line) => /^(not )?ok /.test(line));
  if (results.length === 0) throw new Error(`${test} ran no test titled "${title}", status ${status}:\n${output}`);
  return results.some((line) => line.startsWith("not ok "));
}

function isNoticed(folder: string, mutation: Mutation): boolean {
  const { file, find, replace } = mutation;
  const path = join(folder, file);
  const source = readFileSync(path, "utf8");
  if (source.split(find).length !== 2) throw new Error(`${file} must contain exactly once:\n${find}`);
  try {
    writeFileSync(
      path,
      source.replace(find, () => replace),
    );
    compile(folder);
    return fails(folder, mutation);
  } finally {
    writeFileSync(path, source);
  }
}

function main(): void {
  const wanted = MUTATIONS.filter(({ property }) => property.includes(process.argv[2] ?? ""));
  const folder = copyProject();
  let missed = 0;
  try {
    for (const mutation of wanted) {
      const noticed = isNoticed(folder, mutation);
      if (!noticed) missed++;
      console.log(`${noticed ? "noticed" : "MISSED "}  ${mutation.test.padEnd(24)}  ${mutation.property}`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(`${wanted.length - missed} of ${wanted.length} removed rules were noticed.`);
  if (missed > 0) process.exitCode = 1;
}

main();
