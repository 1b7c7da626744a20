import { expect } from "chai";
import { mongo } from "mongoose";
import { eventually } from "../../support/eventually";
import { type Subject, addIndex, connectSubject, rejectionOf } from "./subject";

describe("MongoDB conformance: indexes", () => {
  let subject: Subject;
  before(async () => (subject = await connectSubject()));
  after(() => subject.close());

  describe("a unique index", () => {
    it("refuses a second document with the same key and names the key", async () => {
      const users = subject.fresh();
      await addIndex(users, { email: 1 }, { unique: true });
      await users.insertOne({ email: "alice@example.org" });
      const error = await rejectionOf(users.insertOne({ email: "alice@example.org" }));
      expect(error.code).to.equal(11000);
      expect(error.message).to.match(
        /^E11000 duplicate key error collection: .*\.c\d+ index: email_1 dup key: \{ email: "alice@example\.org" \}/,
      );
      expect(error["keyPattern"]).to.deep.equal({ email: 1 });
      expect(error["keyValue"]).to.deep.equal({ email: "alice@example.org" });
      expect(await users.countDocuments()).to.equal(1);
    });

    it("counts a missing field as null", async () => {
      const users = subject.fresh();
      await addIndex(users, { email: 1 }, { unique: true });
      await users.insertOne({ name: "a" });
      expect((await rejectionOf(users.insertOne({ name: "b" }))).code).to.equal(11000);
      expect((await rejectionOf(users.insertOne({ email: null }))).code).to.equal(11000);
    });

    it("treats numbers of different types and the same value as equal", async () => {
      const things = subject.fresh();
      await addIndex(things, { n: 1 }, { unique: true });
      await things.insertOne({ n: 5 });
      for (const n of [new mongo.Double(5), mongo.Long.fromNumber(5), mongo.Decimal128.fromString("5.00")]) {
        expect((await rejectionOf(things.insertOne({ n }))).code, String(n)).to.equal(11000);
      }
    });

    it("on two fields refuses only the same pair", async () => {
      const events = subject.fresh();
      await addIndex(events, { block: 1, log: 1 }, { unique: true });
      await events.insertMany([
        { block: 1, log: 1 },
        { block: 1, log: 2 },
        { block: 2, log: 1 },
      ]);
      const error = await rejectionOf(events.insertOne({ block: 1, log: 2 }));
      expect(error["keyValue"]).to.deep.equal({ block: 1, log: 2 });
    });

    it("on an array refuses an element another document has, but not one repeated in the same document", async () => {
      const users = subject.fresh();
      await addIndex(users, { wallets: 1 }, { unique: true });
      await users.insertOne({ wallets: ["a", "b", "b"] });
      await users.insertOne({ wallets: ["c"] });
      expect((await rejectionOf(users.insertOne({ wallets: ["d", "a"] }))).code).to.equal(11000);
      expect(
        (await rejectionOf(users.updateOne({ wallets: "c" }, { $push: { wallets: "b" as never } }))).code,
      ).to.equal(11000);
    });

    it("refuses updates and replacements that would collide and leaves the document as it was", async () => {
      const users = subject.fresh();
      await addIndex(users, { email: 1 }, { unique: true });
      await users.insertMany([
        { _id: 1, email: "a" },
        { _id: 2, email: "b" },
      ] as unknown as mongo.Document[]);
      const filter = { _id: 2 } as unknown as mongo.Filter<mongo.Document>;
      expect((await rejectionOf(users.updateOne(filter, { $set: { email: "a", seen: true } }))).code).to.equal(11000);
      expect((await rejectionOf(users.replaceOne(filter, { email: "a" }))).code).to.equal(11000);
      const error = await rejectionOf(users.findOneAndUpdate(filter, { $set: { email: "a" } }));
      expect(error.code).to.equal(11000);
      expect(error["keyValue"]).to.deep.equal({ email: "a" });
      expect(await users.findOne(filter)).to.deep.equal({ _id: 2, email: "b" });
    });

    it("lets a key be taken again once its document is gone or changed", async () => {
      const users = subject.fresh();
      await addIndex(users, { email: 1 }, { unique: true });
      await users.insertMany([{ email: "a" }, { email: "b" }]);
      await users.deleteOne({ email: "a" });
      await users.updateOne({ email: "b" }, { $set: { email: "c" } });
      await users.insertMany([{ email: "a" }, { email: "b" }]);
      expect(await users.distinct("email")).to.have.members(["a", "b", "c"]);
    });

    it("cannot be built over duplicates, and is not there afterwards", async () => {
      const users = subject.fresh();
      await users.insertMany([{ email: "a" }, { email: "a" }]);
      expect((await rejectionOf(addIndex(users, { email: 1 }, { unique: true }))).code).to.equal(11000);
      expect(await users.indexExists("email_1")).to.equal(false);
    });
  });

  describe("a sparse unique index", () => {
    it("leaves documents without the field alone, but not those with null", async () => {
      const users = subject.fresh();
      await addIndex(users, { phone: 1 }, { unique: true, sparse: true });
      await users.insertMany([{ name: "a" }, { name: "b" }, { phone: null }]);
      expect((await rejectionOf(users.insertOne({ phone: null }))).code).to.equal(11000);
      expect(await users.countDocuments({ phone: null })).to.equal(3);
    });
  });

  describe("a partial unique index", () => {
    it("holds only among the documents its filter matches, as they come and go", async () => {
      const sessions = subject.fresh();
      await addIndex(sessions, { user: 1 }, { unique: true, partialFilterExpression: { status: "pending" } });
      await sessions.insertMany([
        { user: 1, status: "pending" },
        { user: 1, status: "done" },
        { user: 1, status: "done" },
      ]);
      expect((await rejectionOf(sessions.insertOne({ user: 1, status: "pending" }))).code).to.equal(11000);
      expect(
        (await rejectionOf(sessions.updateOne({ status: "done" }, { $set: { status: "pending" } }))).code,
      ).to.equal(11000);
      await sessions.updateOne({ status: "pending" }, { $set: { status: "done" } });
      await sessions.insertOne({ user: 1, status: "pending" });
    });

    it("does not hide documents outside it from a query", async () => {
      const sessions = subject.fresh();
      await addIndex(sessions, { user: 1 }, { partialFilterExpression: { age: { $gt: 10 } } });
      await sessions.insertMany([
        { user: 1, age: 5 },
        { user: 1, age: 15 },
      ]);
      expect(await sessions.countDocuments({ user: 1 })).to.equal(2);
      expect(await sessions.countDocuments({ user: 1, age: { $gt: 12 } })).to.equal(1);
      expect(await sessions.countDocuments({ user: 1, age: { $gt: 2 } })).to.equal(2);
    });

    it("refuses a filter it cannot evaluate for an index", async () => {
      const key = { user: 1 } as const;
      const partialFilterExpression = { status: { $ne: "done" } };
      expect((await rejectionOf(addIndex(subject.fresh(), key, { partialFilterExpression }))).code).to.equal(67);
    });
  });

  it("are created once, also when createIndex is repeated", async () => {
    const things = subject.fresh();
    await addIndex(things, { a: 1, b: -1 });
    await addIndex(things, { a: 1, b: -1 });
    const indexes = await things.indexes();
    expect(indexes.map(({ name, key }) => ({ name, key }))).to.deep.equal([
      { name: "_id_", key: { _id: 1 } },
      { name: "a_1_b_-1", key: { a: 1, b: -1 } },
    ]);
  });

  it("conflict by name (86) and by key under another name (85)", async () => {
    const things = subject.fresh();
    await addIndex(things, { a: 1 }, { name: "first" });
    expect((await rejectionOf(addIndex(things, { b: 1 }, { name: "first" }))).code).to.equal(86);
    expect((await rejectionOf(addIndex(things, { a: 1 }, { name: "second" }))).code).to.equal(85);
  });

  it("cannot be dropped when unknown (27) or when it is that of _id (72)", async () => {
    const things = subject.fresh();
    await addIndex(things, { a: 1 });
    expect((await rejectionOf(things.dropIndex("b_1"))).code).to.equal(27);
    expect((await rejectionOf(things.dropIndex("_id_"))).code).to.equal(72);
    await things.dropIndex("a_1");
    expect(await things.indexes()).to.have.length(1);
  });

  it("refuse two arrays in one compound key (171)", async () => {
    const things = subject.fresh();
    await addIndex(things, { a: 1, b: 1 });
    await things.insertOne({ a: [1, 2], b: 3 });
    expect((await rejectionOf(things.insertOne({ a: [1], b: [2] }))).code).to.equal(171);
  });

  it("do not mix the pairs of an array of documents", async () => {
    const users = subject.fresh();
    await addIndex(users, { "wallets.chain": 1, "wallets.address": 1 }, { unique: true });
    await users.insertOne({
      wallets: [
        { chain: 1, address: "a" },
        { chain: 2, address: "b" },
      ],
    });
    // The cross product (1, b) is no key of the first document.
    await users.insertOne({ wallets: [{ chain: 1, address: "b" }] });
    expect((await rejectionOf(users.insertOne({ wallets: [{ chain: 2, address: "b" }] }))).code).to.equal(11000);
  });

  it("report what an unordered insert left out and keep the rest", async () => {
    const things = subject.fresh();
    const documents = [1, 2, 2, 3, 1, 4].map((n) => ({ _id: n })) as unknown as mongo.Document[];
    const error = (await rejectionOf(things.insertMany(documents, { ordered: false }))) as mongo.MongoBulkWriteError;
    const failures = error.writeErrors as mongo.WriteError[];
    expect(failures.map(({ index, code }) => [index, code])).to.deep.equal([
      [2, 11000],
      [4, 11000],
    ]);
    expect(error.insertedCount).to.equal(4);
    expect(await things.countDocuments()).to.equal(4);
  });

  it("stop an ordered insert at the first document they refuse", async () => {
    const things = subject.fresh();
    const documents = [1, 2, 2, 3].map((n) => ({ _id: n })) as unknown as mongo.Document[];
    const error = (await rejectionOf(things.insertMany(documents))) as mongo.MongoBulkWriteError;
    expect(error.insertedCount).to.equal(2);
    expect(await things.countDocuments()).to.equal(2);
  });

  it("with expireAfterSeconds remove what has expired, and nothing else", async () => {
    const admin = subject.client.db("admin");
    const { was } = await admin.command({ setParameter: 1, ttlMonitorSleepSecs: 1 });
    try {
      const sessions = subject.fresh();
      await addIndex(sessions, { expiresAt: 1 }, { expireAfterSeconds: 0 });
      const past = new Date(Date.now() - 60_000);
      const future = new Date(Date.now() + 600_000);
      await sessions.insertMany([
        { name: "past", expiresAt: past },
        { name: "earliest of several", expiresAt: [future, past] },
        { name: "future", expiresAt: future },
        { name: "no date", expiresAt: "1999-01-01" },
        { name: "none" },
      ]);
      const left = await eventually(
        "expiry",
        async () => {
          const names = (await sessions.distinct("name")) as string[];
          return names.length <= 3 && names;
        },
        120_000,
      );
      expect(left).to.have.members(["future", "no date", "none"]);
    } finally {
      await admin.command({ setParameter: 1, ttlMonitorSleepSecs: was as number });
    }
  });

  it("give ranges and sorts the same answers as a scan does", async () => {
    const indexed = subject.fresh();
    const plain = subject.fresh();
    await addIndex(indexed, { kind: 1, n: -1 });
    await addIndex(indexed, { n: 1 });
    const documents = Array.from({ length: 400 }, (_, i) => ({
      i,
      kind: ["a", "b", "c"][i % 3],
      n: i % 7 === 0 ? null : i % 11 === 0 ? `text ${i % 5}` : i % 13 === 0 ? [i % 50, 25] : (i * 37) % 101,
    }));
    await Promise.all([indexed.insertMany(documents), plain.insertMany(documents.map((each) => ({ ...each })))]);
    for (const collection of [indexed, plain]) {
      await collection.deleteMany({ i: { $in: [3, 30, 300] } });
      await collection.updateMany({ kind: "c", n: { $gt: 90 } }, { $inc: { n: -80 } });
    }
    const filters: mongo.Filter<mongo.Document>[] = [
      { n: { $gte: 20, $lt: 40 } },
      { n: { $lt: 5 } },
      { kind: "a", n: { $gt: 50 } },
      { kind: { $in: ["a", "c"] }, n: { $lte: 30 } },
      { n: null },
      { n: { $gt: "" } },
      { $or: [{ n: 25 }, { kind: "b", n: { $gt: 95 } }] },
      { n: { $in: [1, 2, "text 1", null] } },
    ];
    for (const filter of filters) {
      for (const sort of [{ n: 1, i: 1 }, { n: -1, i: 1 }, { kind: -1, n: 1, i: 1 }, { i: 1 }] as mongo.Sort[]) {
        const of = async (collection: mongo.Collection): Promise<unknown[]> =>
          (await collection.find(filter, { sort, projection: { _id: 0, i: 1 } }).toArray()).map(({ i }) => i as number);
        expect(await of(indexed), JSON.stringify({ filter, sort })).to.deep.equal(await of(plain));
      }
    }
  });
});
