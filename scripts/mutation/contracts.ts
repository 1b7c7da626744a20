/**
 * Takes the rules out of the contracts, one at a time, and sees that a test notices each.
 * `node --require ./scripts/typescript.cjs scripts/mutation/contracts.ts [part of a property's name]`; about
 * 25 seconds a rule.
 */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
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

interface Report {
  stats: { tests: number };
  failures: { fullTitle: string }[];
}

/** Runs mocha and reads its report, which goes into a file: a process that ends may lose what it still had to print. */
function reportOf(folder: string, args: string[]): Report {
  const file = join(folder, "report.json");
  rmSync(file, { force: true });
  let ending = "";
  // Now and then a loaded machine loses the loader's thread and Node ends with status 0 before any test has begun.
  for (let attempt = 0; attempt < 3; attempt++) {
    const { status, output } = run(folder, [...args, "--reporter", "json", "--reporter-option", `output=${file}`]);
    if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as Report;
    ending = `status ${status}\n${output}`;
  }
  throw new Error(`Mocha left no report, three times over: ${ending}`);
}

/** The titles of the failing tests, among those whose title contains `title`. */
function failuresOf(folder: string, { test, title }: Mutation): string[] {
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
  const report = reportOf(folder, [...mocha, "--fgrep", title, `test/contracts/${test}`]);
  if (report.stats.tests === 0) throw new Error(`${test} has no test titled "${title}".`);
  return report.failures.map(({ fullTitle }) => fullTitle);
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
    return failuresOf(folder, mutation).length > 0;
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
