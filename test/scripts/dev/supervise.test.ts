import { expect } from "chai";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Supervised, supervise } from "../../../scripts/dev/supervise";
import { eventually } from "../../support/eventually";

/** A process that logs that it is ready and then does what its argument says. */
const PROGRAM = `
console.log(JSON.stringify({ level: "info", ready: true, notice: true, port: 7, msg: "ready" }));
console.log("not a log line");
if (process.argv[2] === "config") { console.error("PORT is wrong"); process.exit(78); }
if (process.argv[2] === "warn") console.log(JSON.stringify({ level: "warn", msg: "slow", err: { message: "rpc" } }));
process.stdin.resume().on("end", () => process.exit(0));
process.on("SIGTERM", () => process.exit(0));
`;

describe("supervising a process", () => {
  let folder: string;
  let lines: string[];
  let supervised: Supervised | undefined;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "cairn-supervise-"));
    writeFileSync(join(folder, "program.js"), PROGRAM);
    lines = [];
  });

  afterEach(async () => {
    await supervised?.stop();
    rmSync(folder, { recursive: true });
  });

  function start(...args: string[]): Supervised {
    const { env } = process;
    const report = (line: string) => void lines.push(line);
    const program = join(folder, "program.js");
    return (supervised = supervise({
      name: "p",
      script: program,
      args,
      env,
      root: process.cwd(),
      logsDir: folder,
      report,
    }));
  }

  it("reports that it is ready, and writes its whole log", async () => {
    expect(await start().ready).to.include({ port: 7 });
    expect(lines).to.deep.equal(["ready"]);
    await eventually("the whole log", () => readFileSync(join(folder, "p.log"), "utf8").includes("not a log line"));
  });

  it("shows warnings with their cause", async () => {
    await start("warn").ready;
    await eventually("the warning", () => lines.includes("warn: slow: rpc"));
  });

  it("starts it again after a kill, and reports it", async () => {
    const process_ = start();
    await process_.ready;
    const first = process_.pid ?? 0;
    process.kill(first, "SIGKILL");
    await eventually("another process", () => process_.pid !== undefined && process_.pid !== first);
    expect(lines[1]).to.equal("was ended by SIGKILL; starting it again");
  });

  it("leaves a process down whose configuration is wrong, and reports its error", async () => {
    const process_ = start("config");
    await process_.ready;
    await eventually("the report", () => lines.some((line) => line.includes("stays down")));
    expect(lines.at(-1)).to.contain("PORT is wrong");
    expect(process_.pid).to.equal(undefined);
  });

  it("ends it, and does not start it again", async () => {
    const process_ = start();
    await process_.ready;
    const pid = process_.pid ?? 0;
    await process_.stop();
    expect(() => process.kill(pid, 0)).to.throw("ESRCH");
    expect(process_.pid).to.equal(undefined);
  });
});
