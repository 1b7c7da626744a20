import { expect } from "chai";
import { type mongo } from "mongoose";
import { type Subject, addIndex, connectSubject } from "./subject";

const CALLERS = 64;
const CLIENTS = 8;

describe("MongoDB conformance: races", () => {
  let subject: Subject;
  let clients: mongo.MongoClient[];
  before(async () => {
    subject = await connectSubject();
    clients = await Promise.all(Array.from({ length: CLIENTS }, () => subject.connect()));
  });
  after(() => subject.close());

  /** Calls `act` 64 times at once, over the connections of eight clients. */
  function race<T>(
    name: string,
    act: (collection: mongo.Collection, caller: number) => Promise<T>,
  ): Promise<PromiseSettledResult<T>[]> {
    const calls = Array.from({ length: CALLERS }, async (_, caller) => {
      const client = clients[caller % CLIENTS] as mongo.MongoClient;
      return act(client.db(subject.db.databaseName).collection(name), caller);
    });
    return Promise.allSettled(calls);
  }

  const fulfilled = <T>(results: PromiseSettledResult<T>[]): T[] =>
    results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));

  const codes = (results: PromiseSettledResult<unknown>[]): unknown[] =>
    results.flatMap((result) => (result.status === "rejected" ? [(result.reason as mongo.MongoServerError).code] : []));

  it("of 64 callers consuming one code by findOneAndUpdate exactly one wins", async () => {
    const tokens = subject.fresh();
    await tokens.insertOne({ code: "x", consumedAt: null });
    const results = await race(tokens.collectionName, (collection, caller) =>
      collection.findOneAndUpdate({ code: "x", consumedAt: null }, { $set: { consumedAt: new Date(), caller } }),
    );
    expect(codes(results)).to.deep.equal([]);
    expect(fulfilled(results).filter((found) => found !== null)).to.have.length(1);
  });

  it("a credential of five uses is used five times by 64 callers of updateOne", async () => {
    const credentials = subject.fresh();
    await credentials.insertOne({ usageCount: 0, uses: [] });
    const results = await race(credentials.collectionName, (collection, caller) =>
      collection.updateOne({ usageCount: { $lt: 5 } }, { $inc: { usageCount: 1 }, $push: { uses: caller } as never }),
    );
    expect(fulfilled(results).reduce((sum, { modifiedCount }) => sum + modifiedCount, 0)).to.equal(5);
    const after = await credentials.findOne();
    expect(after?.["usageCount"]).to.equal(5);
    expect(after?.["uses"]).to.have.length(5);
  });

  it("a counter gives 64 callers 64 different numbers", async () => {
    const counters = subject.fresh();
    await counters.insertOne({ name: "index", next: 0 });
    const results = await race(counters.collectionName, (collection) =>
      collection.findOneAndUpdate({ name: "index" }, { $inc: { next: 1 } }, { returnDocument: "after" }),
    );
    const numbers = fulfilled(results).map((found) => found?.["next"] as number);
    expect(numbers.sort((a, b) => a - b)).to.deep.equal(Array.from({ length: CALLERS }, (_, i) => i + 1));
  });

  it("upserts of one unique key leave one document that counts every caller that was not refused", async () => {
    const sessions = subject.fresh();
    await addIndex(sessions, { user: 1 }, { unique: true });
    const results = await race(sessions.collectionName, (collection) =>
      collection.updateOne({ user: "alice" }, { $inc: { calls: 1 } }, { upsert: true }),
    );
    expect(codes(results).filter((code) => code !== 11000)).to.deep.equal([]);
    const found = await sessions.find().toArray();
    expect(found).to.have.length(1);
    expect(found[0]?.["calls"]).to.equal(fulfilled(results).length);
    expect(fulfilled(results).reduce((sum, { upsertedCount }) => sum + upsertedCount, 0)).to.equal(1);
  });

  it("inserts of one unique key: one succeeds, the others fail with a duplicate key", async () => {
    const users = subject.fresh();
    await addIndex(users, { email: 1 }, { unique: true });
    const results = await race(users.collectionName, (collection, caller) =>
      collection.insertOne({ email: "a", caller }),
    );
    expect(fulfilled(results)).to.have.length(1);
    expect(codes(results)).to.deep.equal(Array.from({ length: CALLERS - 1 }, () => 11000));
  });

  it("a write fenced by a token of a lease never applies after a newer token has", async () => {
    const checkpoints = subject.fresh();
    await checkpoints.insertOne({ name: "registry", token: 0, cursor: 0 });
    await race(checkpoints.collectionName, async (collection, caller) => {
      const token = caller + 1;
      await collection.updateOne({ name: "registry", token: { $lt: token } }, { $set: { token } });
      await collection.updateOne({ name: "registry", token }, { $set: { cursor: token } });
    });
    const after = await checkpoints.findOne();
    expect(after?.["token"]).to.equal(CALLERS);
    expect(after?.["cursor"]).to.equal(CALLERS);
  });

  it("bulk upserts of the same thousand keys from four clients leave a thousand documents", async () => {
    const things = subject.fresh();
    const operations = Array.from({ length: 1000 }, (_, i) => ({
      updateOne: {
        filter: { _id: `key-${i}` },
        update: { $inc: { n: 1 }, $setOnInsert: { first: true } },
        upsert: true,
      },
    })) as unknown as mongo.AnyBulkWriteOperation[];
    const results = await Promise.all(
      clients.slice(0, 4).map((client) => {
        const collection = client.db(subject.db.databaseName).collection(things.collectionName);
        return collection.bulkWrite(operations, { ordered: false });
      }),
    );
    expect(results.reduce((sum, { upsertedCount }) => sum + upsertedCount, 0)).to.equal(1000);
    expect(results.reduce((sum, { matchedCount }) => sum + matchedCount, 0)).to.equal(3000);
    expect(await things.countDocuments({ n: 4, first: true })).to.equal(1000);
  });
});
