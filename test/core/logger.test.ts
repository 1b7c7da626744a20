import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect } from "chai";

/** Logs while it exits, as a process does that is told to end. */
const LOGS_ON_EXIT = `
  const { createLogger } = require("./core/logger");
  const logger = createLogger({ processName: "api", logLevel: "info" });
  process.stdin.on("end", () => {
    for (const line of ["stopping", "stopped"]) logger.info(line);
    process.exit(7);
  });
  process.stdin.resume();
  logger.info("running");
`;

function start() {
  return spawn(process.execPath, ["--require", "./scripts/typescript.cjs", "-e", LOGS_ON_EXIT], {
    stdio: ["pipe", "pipe", "inherit"],
  });
}

describe("the logger", () => {
  it("lets a process end whose standard output nobody reads any more", async () => {
    const child = start();
    await once(child.stdout, "data");
    child.stdout.destroy();
    child.stdin.end();
    expect(await once(child, "exit")).to.deep.equal([7, null]);
  });

  it("has written every line when the process ends", async () => {
    const child = start();
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
    child.stdin.end();
    await once(child, "close");
    const lines = text.trim().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).to.deep.equal([
      "running",
      "stopping",
      "stopped",
    ]);
  });
});
