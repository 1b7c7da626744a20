/**
 * Takes the rules out of the contracts, one at a time, and sees that a test notices each.
 * `node --import tsx scripts/mutation/contracts.ts [part of a property's name]`; about 12 seconds a rule.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Mutation, MUTATIONS } from "./mutations";

const ROOT = join(__dirname, "..", "..");
const COPIED = ["contracts", "core", "test/contracts", "test/support/bitstringReader.ts", "hardhat.config.ts"];
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

function run(folder: string, args: string[]): { status: number | null; output: string } {
  const env = { ...process.env, HARDHAT_DISABLE_TELEMETRY_PROMPT: "true" };
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, env, encoding: "utf8" });
  return { status, output: stdout + stderr };
}

function compile(folder: string): void {
  const { status, output } = run(folder, [
    "node_modules/hardhat/internal/cli/bootstrap.js",
    "compile",
    "--no-typechain",
  ]);
  if (status !== 0) throw new Error(`The mutated contracts do not compile:\n${output}`);
}

/** The titles of the failing tests. */
function failuresOf(folder: string, test: string): string[] {
  const mocha = ["--import", "tsx", "node_modules/mocha/bin/mocha.js", "--no-config", "--exit", "--timeout", "240000"];
  const { output } = run(folder, [...mocha, "--reporter", "json", `test/contracts/${test}`]);
  const start = output.indexOf('{\n  "stats"');
  if (start === -1) throw new Error(`${test} did not run:\n${output}`);
  const end = output.lastIndexOf("}");
  const report = JSON.parse(output.slice(start, end + 1)) as { failures: { fullTitle: string }[] };
  return report.failures.map(({ fullTitle }) => fullTitle);
}

function isNoticed(folder: string, { file, find, replace, test, title }: Mutation): boolean {
  const path = join(folder, file);
  const source = readFileSync(path, "utf8");
  if (source.split(find).length !== 2) throw new Error(`${file} must contain exactly once:\n${find}`);
  try {
    writeFileSync(
      path,
      source.replace(find, () => replace),
    );
    compile(folder);
    return failuresOf(folder, test).some((failure) => failure.includes(title));
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
