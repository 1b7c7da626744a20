import { expect } from "chai";
import { mongo } from "mongoose";
import fs, { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type EmbeddedMongo, startEmbeddedMongo } from "../../../embedded/mongo/server";
import { eventually } from "../../support/eventually";
import { addIndex, rejectionOf } from "./subject";

const real = { writeSync: fs.writeSync, fsyncSync: fs.fsyncSync, openSync: fs.openSync };

describe("embedded MongoDB server on a disk that fails", () => {
  let folder: string;
  let server: EmbeddedMongo;
  let client: mongo.MongoClient;
  let reported: string[];

  async function start(): Promise<void> {
    server = await startEmbeddedMongo({
      environment: "test",
      dataFolder: folder,
      report: (line) => reported.push(line),
    });
    client = await new mongo.MongoClient(`mongodb://127.0.0.1:${server.port}`).connect();
  }

  async function restart(): Promise<void> {
    await client.close();
    await server.close();
    await start();
  }

  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "cairn-mongo-"));
    reported = [];
    await start();
  });

  afterEach(async () => {
    repair();
    await client.close();
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const things = (): mongo.Collection => client.db("kept").collection("things");

  const noSpace = (): NodeJS.ErrnoException =>
    Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });

  /** From now on a write takes a few bytes and fails then, as on a disk that fills up. */
  function fill(): void {
    fs.writeSync = ((descriptor: number, bytes: Uint8Array, offset: number | null = 0) => {
      real.writeSync(descriptor, bytes, offset, Math.min(5, bytes.length - (offset ?? 0)));
      throw noSpace();
    }) as unknown as typeof fs.writeSync;
  }

  function repair(): void {
    Object.assign(fs, real);
  }

  it("refuses the write (14031), changes nothing, goes on serving, and writes again once there is room", async () => {
    await addIndex(things(), { n: 1 }, { unique: true });
    await things().insertMany([{ n: 1 }, { n: 2 }]);
    fill();
    const refused = await rejectionOf(things().insertOne({ n: 3 }));
    expect([refused.code, refused.codeName]).to.deep.equal([14031, "OutOfDiskSpace"]);
    expect((await rejectionOf(things().updateMany({}, { $inc: { n: 10 } }))).code).to.equal(14031);
    expect((await rejectionOf(things().deleteMany({}))).code).to.equal(14031);
    expect((await things().distinct("n")).sort()).to.deep.equal([1, 2]);
    expect(reported.join()).to.include("could not be written: ENOSPC");
    repair();
    await things().insertMany([{ n: 3 }, { n: 11 }]);
    expect((await rejectionOf(things().insertOne({ n: 3 }))).code).to.equal(11000);
    await restart();
    expect((await things().distinct("n")).sort((a, b) => Number(a) - Number(b))).to.deep.equal([1, 2, 3, 11]);
    expect(reported.join()).not.to.include("cut");
  });

  it("takes back whatever kind of change it could not write", async () => {
    await addIndex(things(), { n: 1 });
    await things().insertMany([{ n: 1 }, { n: 2 }]);
    fill();
    const changes: [string, () => Promise<unknown>][] = [
      [
        "an upsert into a new collection",
        () =>
          client
            .db("kept")
            .collection("new")
            .updateOne({ a: 1 }, { $set: { b: 1 } }, { upsert: true }),
      ],
      ["a drop", () => things().drop()],
      ["a rename", () => things().rename("other")],
      ["a new index", () => addIndex(things(), { m: 1 })],
      ["a dropped index", () => things().dropIndex("n_1")],
      ["a dropped database", () => client.db("kept").dropDatabase()],
    ];
    for (const [what, act] of changes) expect((await rejectionOf(act())).code, what).to.equal(14031);
    repair();
    const assertUnchanged = async (): Promise<void> => {
      expect((await client.db("kept").listCollections().toArray()).map(({ name }) => name)).to.deep.equal(["things"]);
      expect((await things().indexes()).map(({ name }) => name)).to.deep.equal(["_id_", "n_1"]);
      expect(
        await things()
          .find({ n: { $gte: 1 } }, { sort: { n: 1 } })
          .project({ _id: 0 })
          .toArray(),
      ).to.deep.equal([{ n: 1 }, { n: 2 }]);
    };
    await assertUnchanged();
    await restart();
    await assertUnchanged();
  });

  it("takes back a write under { j: true } that could not be flushed", async () => {
    await things().insertOne({ n: 1 });
    fs.fsyncSync = () => {
      throw Object.assign(new Error("EIO: i/o error, fsync"), { code: "EIO" });
    };
    const refused = await rejectionOf(things().insertOne({ n: 2 }, { writeConcern: { w: 1, journal: true } }));
    expect(refused.code).to.equal(1);
    repair();
    await restart();
    expect(await things().distinct("n")).to.deep.equal([1]);
  });

  it("goes on with the old file when a compaction fails, and compacts later", async () => {
    const file = path.join(folder, "journal.bson");
    const text = "x".repeat(1_000_000);
    await things().insertOne({ _id: 1 as never, version: 0, text });
    fs.openSync = ((name: fs.PathLike, ...rest: [string]) => {
      if (String(name).endsWith(".new")) throw noSpace();
      return real.openSync(name, ...rest);
    }) as typeof fs.openSync;
    let version = 0;
    const write = async (times: number): Promise<void> => {
      for (let i = 0; i < times; i++) await things().updateOne({ _id: 1 as never }, { $set: { version: ++version } });
    };
    await write(40);
    expect(reported.filter((line) => line.includes("could not be compacted"))).to.have.length(1);
    expect(fs.readdirSync(folder).sort()).to.deep.equal(["journal.bson", "lock"]);
    repair();
    await write(40);
    expect(fs.statSync(file).size).to.be.lessThan(40_000_000);
    await restart();
    expect(await things().countDocuments({ version: 80, text })).to.equal(1);
  });

  it("leaves expired documents for a later attempt", async () => {
    const admin = client.db("admin");
    await addIndex(things(), { at: 1 }, { expireAfterSeconds: 0 });
    await things().insertOne({ at: new Date(0) });
    fill();
    await admin.command({ setParameter: 1, ttlMonitorSleepSecs: 1 });
    await eventually("the report", () => reported.some((line) => line.includes("expired documents stay")));
    expect(await things().countDocuments()).to.equal(1);
    repair();
    await eventually("the removal", async () => (await things().countDocuments()) === 0);
  });

  it("opens a folder whose torn tail cannot be set aside, and reports what it dropped", async () => {
    await things().insertOne({ n: 1 });
    await client.close();
    await server.close();
    fs.appendFileSync(path.join(folder, "journal.bson"), Buffer.from([9, 9, 9, 9, 9]));
    fill();
    await start();
    repair();
    expect(reported.join()).to.match(/ends in 5 bytes, from offset \d+ on, .* dropped/);
    expect(await things().distinct("n")).to.deep.equal([1]);
  });
});
