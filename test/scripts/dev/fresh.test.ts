import { expect } from "chai";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { messageOf } from "../../../core/errors";
import { lockDataDir } from "../../../embedded/folderLock";
import { emptyDataDir } from "../../../scripts/dev/fresh";

describe("npm start -- --fresh", () => {
  let dataDir: string;
  let reported: string[];

  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), "cairn-fresh-"));
    reported = [];
    for (const name of [
      "chain",
      "mongo",
      "mongod-7.0",
      "redis",
      "deployments",
      "keys",
      "gateway-keys",
      "logs",
      "my-notes",
    ]) {
      mkdirSync(join(dataDir, name));
      writeFileSync(join(dataDir, name, "file"), "data");
    }
    for (const name of ["alice.json", "ports.json", "mongo-folder", "gateway-service.key"])
      writeFileSync(join(dataDir, name), "{}");
  });

  afterEach(() => rmSync(dataDir, { recursive: true }));

  const empty = (env: NodeJS.ProcessEnv = {}) => emptyDataDir(dataDir, { env, report: (line) => reported.push(line) });

  it("removes what Cairn stored, and neither logs, ports nor what is not Cairn's", async () => {
    await empty();
    expect(readdirSync(dataDir).sort()).to.deep.equal(["locks", "logs", "my-notes", "ports.json"]);
    expect(reported).to.deep.equal([`the data in ${dataDir} is removed; starting fresh`]);
  });

  it("leaves the data of servers that the environment names, and the keys that belong to it", async () => {
    await empty({ MONGODB_URI: "mongodb://127.0.0.1:27017/cairn" });
    expect(readdirSync(dataDir)).to.include.members(["mongo", "keys", "alice.json"]).and.not.include("chain");
    expect(reported[0]).to.equal("MONGODB_URI names a server of its own, whose data stays");
  });

  it("removes nothing while a Cairn uses the folder", async () => {
    const lock = await lockDataDir(dataDir);
    const refused = await empty().then(
      () => "removed",
      (error: unknown) => messageOf(error),
    );
    lock.release();
    expect(refused).to.include(`process ${process.pid} uses this data folder`);
    expect(readdirSync(dataDir)).to.include.members(["chain", "mongo", "keys"]);
  });

  it("finds nothing to remove in a folder that does not exist", async () => {
    await emptyDataDir(join(dataDir, "none"), { env: {}, report: (line) => reported.push(line) });
    expect(reported).to.deep.equal([]);
  });
});
