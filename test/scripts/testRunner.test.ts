import { expect } from "chai";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { SLOWEST_FILES } from "../../scripts/test/slowestFiles";

const ROOT = join(__dirname, "..", "..");
const FOLDER = "test/support/runner";

/** Runs scripts/test.ts as `npm test` does, with the servers of this suite. */
async function runTests(...args: string[]): Promise<{ code: number | null; lines: string[] }> {
  const command = ["--require", "./scripts/typescript.cjs", "scripts/test.ts", ...args];
  const child = spawn(process.execPath, command, { cwd: ROOT, stdio: ["ignore", "pipe", "ignore"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, lines: output.split("\n").map((line) => line.trimEnd()) };
}

describe("npm test", () => {
  const perFile = ["--reporter", "scripts/test/fileReporter.ts"];

  it("prints a line for every file, lists failures under their file, counts at the end and exits with the failures", async () => {
    const files = ["passing", "failing", "failingHook"].map((name) => `${FOLDER}/${name}.ts`);
    const { code, lines } = await runTests(...perFile, ...files);
    expect(code).to.equal(2);
    expect(
      lines
        .filter((line) => /^(ok|failed) /.test(line))
        .map((line) => line.replace(/\d+\.\d/, "0.0"))
        .sort(),
    ).to.deep.equal([
      `failed     0.0 s  ${FOLDER}/failing.ts  0 passed, 1 failed`,
      `failed     0.0 s  ${FOLDER}/failingHook.ts  0 passed, 1 failed`,
      `ok         0.0 s  ${FOLDER}/passing.ts  1 passed`,
    ]);
    expect(lines).to.include("          skipped: a file whose tests pass is skipped");
    const listed = lines.slice(lines.findIndex((line) => line.endsWith("2 failing")));
    const titles = listed.filter((line) => /^ {2}\d\) /.test(line)).map((line) => line.slice(5));
    expect(titles.sort()).to.deep.equal([`${FOLDER}/failing.ts`, `${FOLDER}/failingHook.ts`]);
    expect(listed.join("\n")).to.include("Error: 12 passing").and.to.include("Error: no set-up");
    expect(lines.filter((line) => line !== "").at(-1)).to.equal("1 passed, 2 failed");
  });

  it("runs in one process on request", async () => {
    const { code, lines } = await runTests("--no-parallel", ...perFile, `${FOLDER}/passing.ts`, `${FOLDER}/failing.ts`);
    expect(code).to.equal(1);
    expect(lines.filter((line) => line !== "").at(-1)).to.equal("1 passed, 1 failed");
  });

  it("fails when nothing ran", async () => {
    const { code, lines } = await runTests(`${FOLDER}/passing.ts`, "-g", "no test has this title");
    expect(code).to.equal(1);
    expect(lines.filter((line) => line !== "").at(-1)).to.equal("0 passed, 0 failed");
  });

  it("starts files first that exist", () => {
    expect(SLOWEST_FILES.filter((file) => !existsSync(join(ROOT, file)))).to.deep.equal([]);
  });
});
