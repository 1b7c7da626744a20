import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import mongoose from "mongoose";
import { BootError } from "../../core/errors";
import { chooseMongo } from "../../embedded/mongod/choose";
import type { ServiceExit } from "../../embedded/service";
import { isAlive } from "../../embedded/processes";
import { startMongo } from "../../embedded/startMongo";
import { bareEnv, killHard, workbench } from "./workbench";

const LOADER = join(__dirname, "..", "..", "scripts", "typescript.cjs");

describe("the MongoDB server of a developer's machine", () => {
  const bench = workbench();
  afterEach(() => bench.clear());

  /** A PATH whose only mongod is this shell script. */
  function fakeMongod(script: string): string {
    const bin = bench.folder();
    writeFileSync(join(bin, "mongod"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return bin;
  }

  async function choose(env: NodeJS.ProcessEnv) {
    const reported: string[] = [];
    // A home without caches: what other projects downloaded must not decide a test.
    const bare = bareEnv({ HOME: bench.folder(), PATH: "", ...env });
    const choice = await chooseMongo({
      dataDir: bench.folder(),
      persistent: true,
      env: bare,
      report: (line) => reported.push(line),
    });
    return { choice, reported };
  }

  it("is the mongod on PATH where there is one", async () => {
    const bin = fakeMongod('echo "db version v7.0.14"');
    expect((await choose({ PATH: bin })).choice).to.deep.equal({
      kind: "mongod",
      path: join(bin, "mongod"),
      version: "7.0.14",
    });
  });

  it("is the embedded one when the mongod on PATH is too old or does not run, and that is reported", async () => {
    const old = await choose({ PATH: fakeMongod('echo "db version v3.6.3"') });
    expect(old.choice).to.deep.equal({ kind: "embedded" });
    expect(old.reported.join()).to.match(/mongod is version 3\.6\.3; at least 4\.2 is needed/);
    const broken = await choose({ PATH: fakeMongod("kill -ILL $$") });
    expect(broken.choice).to.deep.equal({ kind: "embedded" });
    expect(broken.reported.join()).to.match(/does not run on this machine/);
  });

  it("is the one that CAIRN_MONGO names, and none when there is no such", async () => {
    const bin = fakeMongod('echo "db version v7.0.14"');
    expect((await choose({ PATH: bin, CAIRN_MONGO: "embedded" })).choice).to.deep.equal({ kind: "embedded" });
    expect((await choose({ PATH: bin, CAIRN_MONGO: "mongod" })).choice).to.include({
      kind: "mongod",
      version: "7.0.14",
    });
    for (const [PATH, CAIRN_MONGO, problem] of [
      ["", "mongod", "is mongod, and PATH has none that can be used"],
      [fakeMongod('echo "db version v3.6.3"'), "mongod", "is mongod, and PATH has none that can be used"],
      [bin, "postgres", "is postgres"],
    ] as const) {
      const error: unknown = await choose({ PATH, CAIRN_MONGO }).catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(BootError);
      expect((error as BootError).problems).to.have.length(1);
      expect((error as BootError).problems[0]).to.include({ subject: "CAIRN_MONGO", problem });
    }
  });

  it("is a binary that was downloaded before, where mongodb-memory-server keeps one", async () => {
    const bin = fakeMongod('echo "db version v8.0.4"');
    const { choice } = await choose({
      MONGOMS_SYSTEM_BINARY: join(bin, "mongod"),
      MONGOMS_SYSTEM_BINARY_VERSION_CHECK: "false",
    });
    expect(choice).to.deep.equal({ kind: "mongod", path: join(bin, "mongod"), version: "8.0.4" });
  });

  it("is the embedded one, without any report, where no download is configured", async () => {
    const reported: string[] = [];
    const env = bareEnv({ HOME: bench.folder(), PATH: "", CAIRN_MONGO_DOWNLOAD: "", CI: "" });
    const options = { dataDir: bench.folder(), persistent: true, env, report: (line: string) => reported.push(line) };
    expect(await chooseMongo(options)).to.deep.equal({ kind: "embedded" });
    expect(reported).to.deep.equal([]);
  });

  it("is not held up by a download that is out of reach, and does not try it again the same day", async () => {
    const dataDir = bench.folder();
    const home = bench.folder();
    const reported: string[] = [];
    const env = bareEnv({
      HOME: home,
      PATH: "",
      // Nothing listens on port 1.
      MONGOMS_DOWNLOAD_MIRROR: "http://127.0.0.1:1",
      CAIRN_MONGO_DOWNLOAD: "on",
    });
    const again = () => chooseMongo({ dataDir, persistent: true, env, report: (line) => reported.push(line) });
    const begun = performance.now();
    expect(await again()).to.deep.equal({ kind: "embedded" });
    expect(performance.now() - begun).to.be.lessThan(10_000);
    expect(await again()).to.deep.equal({ kind: "embedded" });
    expect(reported).to.have.length(1);
    expect(reported[0]).to.match(/cannot be downloaded now/);
  });

  it("keeps documents through SIGKILL, and never shows one kind the files of the other", async () => {
    const dataDir = bench.folder();
    const exits: ServiceExit[] = [];
    const reported: string[] = [];
    // The mark of a mongod used before.
    mkdirSync(join(dataDir, "mongod-7.0"));
    writeFileSync(join(dataDir, "mongod-7.0", "WiredTiger"), "theirs");
    writeFileSync(join(dataDir, "mongo-folder"), "mongod-7.0");
    const service = bench.keep(
      await startMongo({
        dataDir,
        persistent: true,
        env: bareEnv({ PATH: "", HOME: bench.folder() }),
        onExit: (exit) => exits.push(exit),
        report: ({ line }) => reported.push(line),
      }),
    );
    expect(service.how).to.equal("embedded");
    expect(reported.join()).to.match(/mongod-7\.0, which stays and is not read/);
    const write = await mongoose.createConnection(service.url).asPromise();
    await write.collection("things").insertOne({ name: "kept" });
    await write.close();

    await killHard(service, exits);
    await service.restart();
    const read = await mongoose.createConnection(service.url).asPromise();
    expect(await read.collection("things").findOne({ name: "kept" })).to.have.property("name", "kept");
    await read.close();
    expect(readdirSync(join(dataDir, "mongod-7.0"))).to.deep.equal(["WiredTiger"]);
  });

  it("runs a mongod from PATH under parentWatch.cjs, in a folder of its version, brings it back and ends it", async () => {
    const main = join(__dirname, "..", "..", "embedded", "mongo", "main.ts");
    // Takes mongod's arguments and serves its protocol.
    const bin = fakeMongod(
      `[ "$1" = --version ] && { echo "db version v7.0.14"; exit; }
      while [ $# -gt 0 ]; do case "$1" in --port) port=$2;; --dbpath) data=$2;; esac; shift; done
      exec "${process.execPath}" --require "${LOADER}" "${main}" --port "$port" --data "$data"`,
    );
    const dataDir = bench.folder();
    const exits: ServiceExit[] = [];
    const onExit = (exit: ServiceExit) => exits.push(exit);
    const env = bareEnv({ PATH: `${bin}:${process.env["PATH"] ?? ""}` });
    const service = bench.keep(await startMongo({ dataDir, persistent: true, env, onExit }));
    expect(service).to.include({ how: "child", dataDir: join(dataDir, "mongod-7.0") });
    expect(service.where).to.match(/^mongod 7\.0\.14 on 127\.0\.0\.1:\d+$/);
    await killHard(service, exits);
    await service.restart();
    const pid = service.pid()!;
    await service.stop();
    expect(isAlive(pid)).to.equal(false);
    expect(exits).to.have.length(1);
  });
});
