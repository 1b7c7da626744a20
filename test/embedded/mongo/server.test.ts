import { expect } from "chai";
import { mongo } from "mongoose";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { startEmbeddedMongo } from "../../../embedded/mongo/server";
import { eventually } from "../../support/eventually";
import { type Subject, addIndex, connectEmbedded, rejectionOf } from "./subject";

const ROOT = path.join(__dirname, "../../..");
const MAIN = ["--require", "./scripts/typescript.cjs", "embedded/mongo/main.ts"];

interface Running {
  readonly child: ChildProcess;
  readonly port: number;
  readonly client: mongo.MongoClient;
  readonly things: mongo.Collection;
  /** What it wrote to standard error so far. */
  readonly errors: () => string;
}

describe("embedded MongoDB server", () => {
  let folder: string;
  let children: ChildProcess[];
  let clients: mongo.MongoClient[];

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "cairn-mongo-"));
    children = [];
    clients = [];
  });

  afterEach(async () => {
    await Promise.all(clients.map((client) => client.close(true)));
    for (const child of children) if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });

  function launch(args: string[], env: NodeJS.ProcessEnv = {}): { child: ChildProcess; errors: () => string } {
    const child = spawn(process.execPath, [...MAIN, ...args], {
      cwd: ROOT,
      env: { ...process.env, NODE_ENV: "test", ...env },
    });
    children.push(child);
    let errors = "";
    child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    return { child, errors: () => errors };
  }

  async function running(...extra: string[]): Promise<Running> {
    const { child, errors } = launch(["--data", folder, ...extra]);
    const [line] = (await once(createInterface({ input: child.stdout as NodeJS.ReadableStream }), "line")) as [string];
    const { ready, port } = JSON.parse(line) as { ready: boolean; port: number };
    expect(ready).to.equal(true);
    const client = await new mongo.MongoClient(`mongodb://127.0.0.1:${port}`, {
      serverSelectionTimeoutMS: 2000,
    }).connect();
    clients.push(client);
    return { child, port, client, things: client.db("kept").collection("things"), errors };
  }

  /** Ends a server and waits until it is gone. */
  async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
    const exit = once(child, "exit") as Promise<[number | null]>;
    child.kill(signal);
    return (await exit)[0];
  }

  const journal = (): string => path.join(folder, "journal.bson");

  describe("keeps its data", () => {
    it("over a restart: documents, types, indexes, drops and renames", async () => {
      const first = await running();
      const values = {
        long: mongo.Long.fromNumber(5),
        double: new mongo.Double(5),
        uuid: new mongo.UUID(),
        at: new Date(5),
      };
      await addIndex(
        first.things,
        { email: 1 },
        { unique: true, partialFilterExpression: { email: { $exists: true } } },
      );
      await first.things.insertMany([{ email: "a", ...values }, { email: "b" }, { email: "c" }]);
      await first.things.updateOne({ email: "b" }, { $set: { changed: true } });
      await first.things.deleteOne({ email: "c" });
      const db = first.client.db("kept");
      await db.collection("dropped").insertOne({});
      await db.collection("dropped").drop();
      await db.collection("old").insertOne({ name: "moved" });
      await db.collection("old").rename("new");
      expect(await end(first.child, "SIGTERM")).to.equal(0);

      const second = await running();
      const kept = second.client.db("kept");
      expect((await kept.listCollections().toArray()).map(({ name }) => name)).to.deep.equal(["new", "things"]);
      expect(await second.things.distinct("email")).to.deep.equal(["a", "b"]);
      const found = await second.things.findOne({ email: "a" }, { promoteValues: false, promoteLongs: false });
      const read = Object.fromEntries(Object.keys(values).map((field) => [field, found?.[field] as unknown]));
      expect(Buffer.from(mongo.BSON.serialize(read))).to.deep.equal(Buffer.from(mongo.BSON.serialize(values)));
      expect((await second.things.findOne({ email: "b" }))?.["changed"]).to.equal(true);
      expect((await rejectionOf(second.things.insertOne({ email: "a" }))).code).to.equal(11000);
      expect(await kept.collection("new").findOne({}, { projection: { _id: 0 } })).to.deep.equal({ name: "moved" });
    });

    it("through SIGKILL in a stream of writes, with a torn tail: every acknowledged write is there", async () => {
      const first = await running();
      const acknowledged = new Set<number>();
      let next = 0;
      const writers = Array.from({ length: 8 }, async () => {
        for (;;) {
          const i = next++;
          try {
            await first.things.insertOne({ i, text: "x".repeat(i % 500) });
          } catch {
            return; // the server is gone: this write was not acknowledged
          }
          acknowledged.add(i);
        }
      });
      await eventually("500 writes", () => acknowledged.size > 500);
      await end(first.child, "SIGKILL");
      await first.client.close(true);
      await Promise.all(writers);
      // Half a frame, as a write cut short leaves it: a length, a checksum and too few bytes.
      appendFileSync(journal(), Buffer.from([200, 0, 0, 0, 1, 2, 3, 4, 200, 0, 0, 0, 2]));
      const torn = statSync(journal()).size;

      const { child, errors, ...second } = await running();
      const found = new Set(await second.things.distinct("i"));
      expect([...acknowledged].filter((i) => !found.has(i))).to.deep.equal([]);
      const [, bytes, offset, aside = ""] =
        /ends in (\d+) bytes, from offset (\d+) on, .* they are in (\S+) now/.exec(errors()) ?? [];
      expect(Number(bytes) + Number(offset)).to.equal(torn);
      expect(statSync(journal()).size).to.equal(Number(offset));
      expect(readFileSync(aside).subarray(-13)).to.deep.equal(Buffer.from([200, 0, 0, 0, 1, 2, 3, 4, 200, 0, 0, 0, 2]));
      expect(readFileSync(aside)).to.have.length(Number(bytes));
      await second.things.insertOne({ i: -1 });
      await end(child, "SIGKILL");
      const third = await running();
      expect(await third.things.countDocuments({ i: -1 })).to.equal(1);
    });

    it("through compaction, which shrinks the journal", async () => {
      const first = await running();
      const text = "x".repeat(100_000);
      await addIndex(first.things, { n: 1 }, { unique: true });
      await first.things.insertMany(Array.from({ length: 50 }, (_, n) => ({ n, version: 0, text })));
      let largest = 0;
      for (let version = 1; version <= 20; version++) {
        await first.things.updateMany({}, { $set: { version } });
        largest = Math.max(largest, statSync(journal()).size);
      }
      expect(largest).to.be.lessThan(60_000_000); // a hundred megabytes were written
      await end(first.child, "SIGKILL");
      const second = await running();
      expect(await second.things.countDocuments({ version: 20, text })).to.equal(50);
      expect((await rejectionOf(second.things.insertOne({ n: 7 }))).code).to.equal(11000);

      // Documents that were read from the journal and never asked for since are compacted with the others.
      await second.client
        .db("kept")
        .collection("untouched")
        .insertOne({ _id: 1 as never, text: "kept" });
      await end(second.child, "SIGTERM");
      const third = await running();
      for (let version = 21; version <= 30; version++) await third.things.updateMany({}, { $set: { version } });
      await end(third.child, "SIGKILL");
      const fourth = await running();
      expect(await fourth.things.countDocuments({ version: 30, text })).to.equal(50);
      expect(await fourth.client.db("kept").collection("untouched").findOne()).to.deep.equal({ _id: 1, text: "kept" });
    });

    it("and refuses to start on a journal damaged in the middle, rather than drop what follows", async () => {
      const first = await running();
      for (let i = 0; i < 20; i++) await first.things.insertOne({ i });
      await end(first.child, "SIGTERM");
      const file = openSync(journal(), "r+");
      writeSync(file, Buffer.from([0xff, 0xff]), 0, 2, Math.floor(statSync(journal()).size / 2));
      const { child, errors } = launch(["--data", folder]);
      expect((await once(child, "exit"))[0]).to.equal(1);
      expect(errors()).to.include("is damaged at byte").and.to.include("backup");
    });

    it("only for itself: a second server on the same folder is refused, and a dead one's lock is taken over", async () => {
      const first = await running();
      const { child, errors } = launch(["--data", folder]);
      expect((await once(child, "exit"))[0]).to.equal(1);
      expect(errors()).to.include(`in use by process ${first.child.pid}`);
      await first.things.insertOne({ a: 1 });
      await end(first.child, "SIGKILL");
      expect(existsSync(path.join(folder, "lock"))).to.equal(true);
      const second = await running();
      expect(await second.things.countDocuments()).to.equal(1);
    });

    it("and takes over a lock whose process id has passed to another program", async () => {
      writeFileSync(path.join(folder, "lock"), JSON.stringify({ pid: process.pid, startedAt: "1" }));
      const { child } = await running();
      expect((JSON.parse(readFileSync(path.join(folder, "lock"), "utf8")) as { pid: number }).pid).to.equal(child.pid);
    });
  });

  it("ends with its parent under --die-with-parent", async () => {
    const { child } = await running("--die-with-parent");
    const exit = once(child, "exit");
    child.stdin?.end();
    expect((await exit)[0]).to.equal(0);
    expect(existsSync(path.join(folder, "lock"))).to.equal(false);
  });

  it("says that it is for development when it is started alone", async () => {
    const { errors } = await running();
    await eventually("the line", () => errors().includes("for development and tests"));
    expect(errors()).to.include("MONGODB_URI");
  });

  it("refuses to run in production", async () => {
    const { child, errors } = launch([], { NODE_ENV: "production" });
    expect((await once(child, "exit"))[0]).to.equal(1);
    expect(errors()).to.include("production").and.to.include("MONGODB_URI");
  });

  it("refuses an address others can reach", async () => {
    const { child, errors } = launch(["--host", "0.0.0.0"]);
    expect((await once(child, "exit"))[0]).to.equal(1);
    expect(errors()).to.include("loopback");
  });

  it("frees its folder when its port is taken", async () => {
    const holder = await startEmbeddedMongo({ environment: "test" });
    try {
      const { child } = launch(["--data", folder, "--port", String(holder.port)]);
      expect((await once(child, "exit"))[0]).to.equal(1);
      expect(existsSync(path.join(folder, "lock"))).to.equal(false);
    } finally {
      await holder.close();
    }
  });

  describe("refuses by name what it does not do", () => {
    let subject: Subject;
    before(async () => (subject = await connectEmbedded()));
    after(() => subject.close());

    const one = (db: mongo.Db): mongo.Collection => db.collection("c");
    /** Under the code and name that MongoDB gives to what it does not know itself. */
    const refused: [string, (db: mongo.Db) => Promise<unknown>, number, string][] = [
      [
        "a collation",
        (db) =>
          one(db)
            .find({}, { collation: { locale: "de" } })
            .toArray(),
        2,
        "BadValue",
      ],
      ["a text index", (db) => addIndex(one(db), { a: "text" }), 67, "CannotCreateIndex"],
      ["a wildcard index", (db) => addIndex(one(db), { "$**": 1 }), 67, "CannotCreateIndex"],
      ["a hidden index", (db) => addIndex(one(db), { a: 1 }, { hidden: true }), 197, "InvalidIndexSpecificationOption"],
      ["$where", (db) => one(db).find({ $where: "true" }).toArray(), 2, "BadValue"],
      [
        "$expr",
        (db) =>
          one(db)
            .find({ $expr: { $eq: ["$a", 1] } })
            .toArray(),
        2,
        "BadValue",
      ],
      ["$jsonSchema", (db) => one(db).find({ $jsonSchema: {} }).toArray(), 2, "BadValue"],
      [
        "a geo query",
        (db) =>
          one(db)
            .find({ a: { $geoWithin: {} } })
            .toArray(),
        2,
        "BadValue",
      ],
      [
        "a computed projection",
        (db) =>
          one(db)
            .find({}, { projection: { a: { $add: [1, 2] } } })
            .toArray(),
        31325,
        "Location31325",
      ],
      [
        "a projection of a constant",
        (db) =>
          one(db)
            .find({}, { projection: { a: "x" } })
            .toArray(),
        31325,
        "Location31325",
      ],
      ["an update by a pipeline", (db) => one(db).updateOne({}, [{ $set: { a: 1 } }]), 9, "FailedToParse"],
      ["a replacement by a pipeline", (db) => one(db).findOneAndUpdate({}, [{ $set: { a: 1 } }]), 9, "FailedToParse"],
      [
        "a change stream",
        (db) =>
          one(db)
            .aggregate([{ $changeStream: {} }])
            .toArray(),
        40573,
        "Location40573",
      ],
      ...["$sort", "$project", "$set", "$lookup", "$unwind", "$facet", "$bucket", "$out", "$merge", "$sample"].map(
        (stage): [string, (db: mongo.Db) => Promise<unknown>, number, string] => [
          `the stage ${stage}`,
          (db) =>
            one(db)
              .aggregate([{ [stage]: {} }])
              .toArray(),
          40324,
          "Location40324",
        ],
      ),
      [
        "$group by a field",
        (db) =>
          one(db)
            .aggregate([{ $group: { _id: "$a", n: { $sum: 1 } } }])
            .toArray(),
        15952,
        "Location15952",
      ],
      [
        "$sum of a field",
        (db) =>
          one(db)
            .aggregate([{ $group: { _id: 1, n: { $sum: "$a" } } }])
            .toArray(),
        15952,
        "Location15952",
      ],
      ["a pipeline without a collection", (db) => db.aggregate([{ $match: {} }]).toArray(), 73, "InvalidNamespace"],
      [
        "a capped collection",
        (db) => db.createCollection("capped", { capped: true, size: 1000 }),
        40415,
        "IDLUnknownField",
      ],
      ["a validator", (db) => db.createCollection("checked", { validator: { a: 1 } }), 40415, "IDLUnknownField"],
      ["a tailable cursor", (db) => one(db).find({}, { tailable: true }).toArray(), 2, "BadValue"],
      ["find's showRecordId", (db) => one(db).find({}, { showRecordId: true }).toArray(), 40415, "IDLUnknownField"],
      [
        "constants for a command",
        (db) =>
          one(db)
            .find({}, { let: { a: 1 } })
            .toArray(),
        40415,
        "IDLUnknownField",
      ],
      ["an unknown command", (db) => db.command({ foo: 1 }), 59, "CommandNotFound"],
      ["the command bulkWrite", (db) => db.command({ bulkWrite: 1 }), 59, "CommandNotFound"],
      ["an unknown field of a command", (db) => db.command({ find: "c", foo: 1 }), 40415, "IDLUnknownField"],
      ["a command without a required field", (db) => db.command({ insert: "c" }), 40414, "IDLFailedToParse"],
      ["a write concern of two servers", (db) => one(db).insertOne({}, { writeConcern: { w: 2 } }), 2, "BadValue"],
    ];
    for (const [what, act, code, codeName] of refused) {
      it(`${what} (${code})`, async () => {
        const { code: given, errorResponse } = await rejectionOf(act(subject.db));
        expect(given).to.equal(code);
        // A failure of one statement of a write bears no name, as with MongoDB.
        if ("codeName" in errorResponse) expect(errorResponse["codeName"]).to.equal(codeName);
      });
    }

    it("transactions (20), as a standalone server does", async () => {
      const session = subject.client.startSession();
      try {
        session.startTransaction();
        expect((await rejectionOf(subject.db.collection("c").find({}, { session }).toArray())).code).to.equal(20);
      } finally {
        await session.endSession();
      }
    });
  });

  describe("bounds how deep documents are nested", () => {
    /** A document of so many levels, itself included. */
    const nested = (levels: number): mongo.Document => (levels === 1 ? {} : { a: nested(levels - 1) });
    const nestedArrays = (levels: number): unknown[] => (levels === 1 ? [] : [nestedArrays(levels - 1)]);

    it("stores 100 levels, refuses more (15), and opens the folder again", async () => {
      const first = await running();
      await first.things.insertOne({ ...nested(100), kept: true });
      await first.things.insertOne({ a: nestedArrays(99), kept: true });
      for (const refused of [
        nested(101),
        nested(250),
        nested(2_000),
        { a: nestedArrays(100) },
        { a: nestedArrays(250) },
      ]) {
        const { code, codeName } = (await rejectionOf(first.things.insertOne(refused))) as {
          code: number;
          codeName?: string;
        };
        expect([code, codeName ?? "Overflow"]).to.deep.equal([15, "Overflow"]);
      }
      const path = Array.from({ length: 101 }, () => "b").join(".");
      expect((await rejectionOf(first.things.updateOne({}, { $set: { [path]: 1 } }))).code).to.equal(15);
      expect(await first.things.countDocuments()).to.equal(2);
      await end(first.child, "SIGKILL");
      const second = await running();
      expect(await second.things.countDocuments({ kept: true })).to.equal(2);
    });
  });

  it("accepts a majority write concern and a session", async () => {
    const subject = await connectEmbedded();
    try {
      await subject.client.withSession(async (session) => {
        const things = subject.fresh();
        await things.insertOne({ a: 1 }, { session, writeConcern: { w: "majority", journal: true } });
        expect(await things.countDocuments({}, { session, readConcern: { level: "majority" } })).to.equal(1);
      });
    } finally {
      await subject.close();
    }
  });

  it("ends a connection that sends something else, reports it, and goes on serving the others", async () => {
    const reported: string[] = [];
    const subject = await connectEmbedded((line) => reported.push(line));
    try {
      const port = Number(new URL(subject.uri).port);
      for (const bytes of [
        "GET / HTTP/1.1\r\n\r\n",
        "\x10\x00\x00\x00aaaabbbbcccc",
        "\x30\x00\x00\x00".padEnd(48, "\xff"),
      ]) {
        const socket = connect(port, "127.0.0.1");
        socket.write(Buffer.from(bytes, "latin1"));
        await once(socket, "close");
      }
      expect(reported).to.have.length(3);
      expect(await subject.db.command({ ping: 1 })).to.deep.equal({ ok: 1 });
    } finally {
      await subject.close();
    }
  });

  it("answers a pattern that stops a backtracking engine for minutes, and refuses one it cannot bound (51091)", async () => {
    const subject = await connectEmbedded();
    try {
      const things = subject.fresh();
      await things.insertOne({ s: `${"a".repeat(20_000)}!` });
      for (const $regex of ["^(a+)+$", "(a|a)*b$", "^(.*a){12}$"]) {
        expect(await things.countDocuments({ s: { $regex } }), $regex).to.equal(0);
      }
      expect(await things.countDocuments({ s: /(a+)+!$/ })).to.equal(1);
      for (const $regex of ["(a)\\1", "a(?=b)", "((a{100}){100}){100}", "x".repeat(40_000)]) {
        expect((await rejectionOf(things.find({ s: { $regex } }).toArray())).code).to.equal(51091);
      }
    } finally {
      await subject.close();
    }
  });

  it("uses an index for equality, ranges and sorts", async () => {
    const subject = await connectEmbedded();
    try {
      const things = subject.fresh();
      await addIndex(things, { kind: 1, n: 1 });
      await things.insertMany(Array.from({ length: 1000 }, (_, n) => ({ kind: n % 10, n })));
      const examined = async (filter: mongo.Filter<mongo.Document>, sort: mongo.Sort): Promise<unknown> => {
        const { queryPlanner, executionStats } = (await things.find(filter).sort(sort).explain()) as {
          queryPlanner: { winningPlan: { stage: string } };
          executionStats: { totalDocsExamined: number };
        };
        return [queryPlanner.winningPlan.stage, executionStats.totalDocsExamined];
      };
      expect(await examined({ kind: 3 }, { n: -1 })).to.deep.equal(["FETCH", 100]);
      expect(await examined({ kind: 3, n: { $gte: 900 } }, { n: 1 })).to.deep.equal(["FETCH", 10]);
      expect(await examined({ kind: { $in: [1, 2] }, n: { $lt: 100 } }, { n: 1 })).to.deep.equal(["SORT", 20]);
      expect(await examined({ _id: new mongo.ObjectId() }, {})).to.deep.equal(["FETCH", 0]);
      expect(await examined({ n: 5 }, {})).to.deep.equal(["COLLSCAN", 1000]);
    } finally {
      await subject.close();
    }
  });
});
