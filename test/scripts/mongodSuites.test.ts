import { expect } from "chai";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { planMongodRun } from "../../scripts/test/mongodSuites";

const SUITE = [
  "test/api/kyc/crash.test.ts",
  "test/api/oauth/races.test.ts",
  "test/api/openapi.test.ts",
  "test/api/verification/confirmation/race.test.ts",
  "test/embedded/mongo/fullDisk.test.ts",
  "test/embedded/mongo/queries.test.ts",
  "test/embedded/replicaSet.test.ts",
  "test/indexer/sync/reorg.test.ts",
];

describe("npm test on MongoDB itself", () => {
  let bin: string;
  before(() => {
    bin = mkdtempSync(join(tmpdir(), "cairn-bin-"));
    writeFileSync(join(bin, "mongod"), "#!/bin/sh\n", { mode: 0o755 });
  });
  after(() => rmSync(bin, { recursive: true, force: true }));

  it("runs the conformance, one-time, crash and indexer suites where a mongod is on PATH", () => {
    expect(planMongodRun(SUITE, { PATH: bin })).to.deep.equal({
      files: SUITE.filter((file) => !file.includes("openapi") && !file.includes("fullDisk")),
    });
  });

  it("says by name what is skipped where none is", () => {
    const skipped = "no mongod is on PATH (6 files: conformance, one-time, crash, indexer)";
    expect(planMongodRun(SUITE, { PATH: "/nowhere" })).to.deep.equal({ skipped });
  });

  it("leaves a server that was chosen by hand alone", () => {
    for (const [name, value] of [
      ["CAIRN_MONGO", "mongod"],
      ["MONGODB_URI", "mongodb://127.0.0.1:1"],
    ] as const) {
      expect(planMongodRun(SUITE, { PATH: bin, [name]: value })).to.deep.equal({ skipped: `${name} chose the server` });
    }
  });
});
