import { expect } from "chai";
import { spawnSync } from "node:child_process";
import { join } from "node:path";

describe("the committed contract types", () => {
  it("are, byte for byte, what this machine's compiler makes of the contracts", () => {
    const script = join(__dirname, "../../scripts/launch/verifyTypes.cjs");
    const { stdout, stderr, status } = spawnSync(process.execPath, [script], { encoding: "utf8" });
    expect(stdout + stderr).to.equal("");
    expect(status).to.equal(0);
  });
});
