import { expect } from "chai";
import { mongo } from "mongoose";
import { type Subject, connectSubject, rejectionOf } from "./subject";

type Plain = Record<string, unknown>;

describe("MongoDB conformance: updates", () => {
  let subject: Subject;
  before(async () => (subject = await connectSubject()));
  after(() => subject.close());

  async function updated(
    before: Plain,
    update: Plain,
    options: mongo.UpdateOptions = {},
    filter: Plain = {},
  ): Promise<Plain> {
    const things = subject.fresh();
    await things.insertOne({ _id: 1, ...before } as unknown as mongo.Document);
    await things.updateOne(filter, update, options);
    const { _id, ...after } = (await things.findOne()) ?? {};
    expect(_id).to.equal(1);
    return after;
  }

  const cases: [string, Plain, Plain, Plain][] = [
    ["$set writes and creates", { a: 1 }, { $set: { a: 2, "b.c": 3 } }, { a: 2, b: { c: 3 } }],
    [
      "$set writes an array's element by number",
      { a: [1, 2] },
      { $set: { "a.1": 9, "a.3": 4 } },
      { a: [1, 9, null, 4] },
    ],
    [
      "$set of a path under a missing field makes a document even for a number",
      {},
      { $set: { "a.0": 1 } },
      { a: { 0: 1 } },
    ],
    [
      "$unset removes a field, and leaves null in an array",
      { a: 1, b: [1, 2], c: 3 },
      { $unset: { a: "", "b.0": "" } },
      { b: [null, 2], c: 3 },
    ],
    ["$inc starts from nothing", {}, { $inc: { n: 5 } }, { n: 5 }],
    ["$inc subtracts", { n: 5 }, { $inc: { n: -7 } }, { n: -2 }],
    ["$mul multiplies, and gives zero for nothing", { n: 5 }, { $mul: { n: 3, m: 4 } }, { n: 15, m: 0 }],
    [
      "$min and $max keep the lesser and the greater",
      { a: 5, b: 5 },
      { $min: { a: 3 }, $max: { b: 3, c: 1 } },
      { a: 3, b: 5, c: 1 },
    ],
    ["$rename moves", { a: 1, b: 2 }, { $rename: { a: "c.d" } }, { b: 2, c: { d: 1 } }],
    ["$rename of a missing field does nothing", { b: 2 }, { $rename: { a: "c" } }, { b: 2 }],
    ["$push appends, and creates", { a: [1] }, { $push: { a: 2, b: 3 } }, { a: [1, 2], b: [3] }],
    ["$push of an array appends it whole", { a: [] }, { $push: { a: [1, 2] } }, { a: [[1, 2]] }],
    [
      "$push with $each and $position",
      { a: [1, 4] },
      { $push: { a: { $each: [2, 3], $position: 1 } } },
      { a: [1, 2, 3, 4] },
    ],
    [
      "$push with a negative $position",
      { a: [1, 4] },
      { $push: { a: { $each: [2, 3], $position: -1 } } },
      { a: [1, 2, 3, 4] },
    ],
    [
      "$push sorts before it slices",
      { a: [5, 1] },
      { $push: { a: { $each: [3, 2], $slice: 3, $sort: 1 } } },
      { a: [1, 2, 3] },
    ],
    ["$push slices from the end", { a: [1, 2] }, { $push: { a: { $each: [3, 4], $slice: -3 } } }, { a: [2, 3, 4] }],
    [
      "$push sorts documents by a field",
      { a: [{ n: 2 }] },
      { $push: { a: { $each: [{ n: 3 }, { n: 1 }], $sort: { n: -1 } } } },
      { a: [{ n: 3 }, { n: 2 }, { n: 1 }] },
    ],
    ["$addToSet adds what is not there", { a: [1, { b: 1 }] }, { $addToSet: { a: { b: 1 } } }, { a: [1, { b: 1 }] }],
    ["$addToSet with $each", { a: [1] }, { $addToSet: { a: { $each: [1, 2, 2, 3] } } }, { a: [1, 2, 3] }],
    ["$pull by value", { a: [1, 2, 1, [1]] }, { $pull: { a: 1 } }, { a: [2, [1]] }],
    ["$pull by operators", { a: [1, 5, 9] }, { $pull: { a: { $gte: 5, $lt: 9 } } }, { a: [1, 9] }],
    [
      "$pull by a part of documents",
      { a: [{ k: 1, v: 1 }, { k: 2, v: 1 }, 7] },
      { $pull: { a: { k: 1 } } },
      { a: [{ k: 2, v: 1 }, 7] },
    ],
    ["$pullAll by values", { a: [1, 2, 3, 2] }, { $pullAll: { a: [2, 3] } }, { a: [1] }],
    [
      "$pop takes the last or the first",
      { a: [1, 2, 3], b: [1, 2, 3] },
      { $pop: { a: 1, b: -1 } },
      { a: [1, 2], b: [2, 3] },
    ],
    ["$bit works on bits", { a: 13, b: 13 }, { $bit: { a: { and: 10 }, b: { or: 2 } } }, { a: 8, b: 15 }],
    [
      "$setOnInsert does nothing to what is there",
      { a: 1 },
      { $setOnInsert: { a: 2 }, $set: { b: 1 } },
      { a: 1, b: 1 },
    ],
    ["$[] changes every element", { a: [1, 2] }, { $inc: { "a.$[]": 10 } }, { a: [11, 12] }],
    [
      "$[] reaches into documents",
      { a: [{ n: 1 }, { n: 2 }] },
      { $set: { "a.$[].n": 0 } },
      { a: [{ n: 0 }, { n: 0 }] },
    ],
  ];
  for (const [title, before, update, after] of cases) {
    it(title, async () => {
      expect(await updated(before, update)).to.deep.equal(after);
    });
  }

  it("new fields appear in the order of their names", async () => {
    const after = await updated({ z: 0 }, { $set: { c: 1, a: 1 }, $inc: { b: 1 } });
    expect(Object.keys(after)).to.deep.equal(["z", "a", "b", "c"]);
  });

  it("$currentDate writes the time as a date or a timestamp", async () => {
    const after = await updated({}, { $currentDate: { at: true, stamp: { $type: "timestamp" } } });
    expect(Math.abs(Date.now() - (after["at"] as Date).getTime())).to.be.lessThan(60_000);
    expect(after["stamp"]).to.be.instanceOf(mongo.Timestamp);
  });

  it("the positional $ changes the element the filter met", async () => {
    const before = { grades: [{ n: 80 }, { n: 85 }, { n: 85 }] };
    expect(await updated(before, { $set: { "grades.$.n": 0 } }, {}, { "grades.n": 85 })).to.deep.equal({
      grades: [{ n: 80 }, { n: 0 }, { n: 85 }],
    });
    expect(
      await updated({ a: [1, 5, 9] }, { $set: { "a.$": 0 } }, {}, { a: { $elemMatch: { $gt: 3 } } }),
    ).to.deep.equal({
      a: [1, 0, 9],
    });
  });

  it("$[name] changes the elements its array filter meets", async () => {
    const before = {
      a: [
        { k: 1, list: [1, 5] },
        { k: 2, list: [5, 9] },
      ],
    };
    const update = { $set: { "a.$[one].list.$[big]": 0 } };
    expect(await updated(before, update, { arrayFilters: [{ "one.k": 2 }, { big: { $gte: 5 } }] })).to.deep.equal({
      a: [
        { k: 1, list: [1, 5] },
        { k: 2, list: [0, 0] },
      ],
    });
  });

  const refused: [string, Plain, Plain, number][] = [
    ["$inc of text", { a: "x" }, { $inc: { a: 1 } }, 14],
    ["$inc by text", { a: 1 }, { $inc: { a: "x" } }, 14],
    ["$inc of null", { a: null }, { $inc: { a: 1 } }, 14],
    ["$mul of text", { a: "x" }, { $mul: { a: 2 } }, 14],
    ["$push to what is no array", { a: 1 }, { $push: { a: 1 } }, 2],
    ["$addToSet to what is no array", { a: 1 }, { $addToSet: { a: 1 } }, 2],
    ["$pull from what is no array", { a: 1 }, { $pull: { a: 1 } }, 2],
    ["$pop from what is no array", { a: 1 }, { $pop: { a: 1 } }, 14],
    ["$pop of a number that is neither 1 nor -1", { a: [1] }, { $pop: { a: 2 } }, 9],
    ["a path through a scalar", { a: 1 }, { $set: { "a.b": 1 } }, 28],
    ["a name inside an array", { a: [1] }, { $set: { "a.b": 1 } }, 28],
    ["two operators on one path", { a: 1 }, { $set: { a: 1 }, $inc: { a: 1 } }, 40],
    ["a path and one below it", {}, { $set: { a: {}, "a.b": 1 } }, 40],
    ["a change of _id", { a: 1 }, { $set: { _id: 2 } }, 66],
    ["a removal of _id", { a: 1 }, { $unset: { _id: "" } }, 66],
    ["an unknown operator", {}, { $foo: { a: 1 } }, 9],
    ["an operator without a document", {}, { $set: 1 }, 9],
    ["an empty path", {}, { $set: { "": 1 } }, 56],
    ["a path that ends in a dot", {}, { $set: { "a.": 1 } }, 56],
    ["a positional $ without an array in the filter", { a: [1] }, { $set: { "a.$": 1 } }, 2],
    ["an array filter that is not given", { a: [1] }, { $set: { "a.$[x]": 1 } }, 2],
    ["$[] on what is no array", { a: 1 }, { $set: { "a.$[]": 1 } }, 2],
    ["$rename onto itself", { a: 1 }, { $rename: { a: "a" } }, 2],
  ];
  for (const [what, before, update, code] of refused) {
    it(`${what} is refused (${code}) and changes nothing`, async () => {
      const things = subject.fresh();
      await things.insertOne({ _id: 1, ...before } as unknown as mongo.Document);
      expect((await rejectionOf(things.updateOne({}, update))).code).to.equal(code);
      expect(await things.findOne()).to.deep.equal({ _id: 1, ...before });
    });
  }

  it("an array filter that is given and not used is refused (9)", async () => {
    const things = subject.fresh();
    const act = things.updateOne({}, { $set: { a: 1 } }, { arrayFilters: [{ x: 1 }] });
    expect((await rejectionOf(act)).code).to.equal(9);
  });

  it("a replacement that changes _id is refused (66)", async () => {
    const things = subject.fresh();
    await things.insertOne({ _id: 1, a: 1 } as unknown as mongo.Document);
    expect((await rejectionOf(things.replaceOne({ a: 1 }, { _id: 2, a: 1 }))).code).to.equal(66);
  });

  it("what was written and what was changed are counted apart", async () => {
    const things = subject.fresh();
    await things.insertMany([{ a: 1 }, { a: 2 }, { a: 2 }]);
    const { matchedCount, modifiedCount } = await things.updateMany({}, { $set: { a: 2 } });
    expect([matchedCount, modifiedCount]).to.deep.equal([3, 1]);
  });

  it("updateOne changes one and deleteOne removes one of several", async () => {
    const things = subject.fresh();
    await things.insertMany([{ a: 1 }, { a: 1 }, { a: 1 }]);
    expect((await things.updateOne({ a: 1 }, { $set: { b: 1 } })).modifiedCount).to.equal(1);
    expect((await things.deleteOne({ a: 1 })).deletedCount).to.equal(1);
    expect((await things.deleteMany({ a: 1 })).deletedCount).to.equal(2);
  });

  describe("an upsert", () => {
    const upserts: [string, Plain, Plain, Plain][] = [
      [
        "takes the filter's equalities",
        { a: 1, "b.c": { $eq: 2 }, d: { $gt: 3 } },
        { $set: { e: 4 } },
        { a: 1, b: { c: 2 }, e: 4 },
      ],
      ["takes equalities out of $and", { $and: [{ a: 1 }, { b: 2 }] }, { $set: { c: 3 } }, { a: 1, b: 2, c: 3 }],
      ["applies $setOnInsert and $inc", { a: 1 }, { $setOnInsert: { s: 1 }, $inc: { n: 2 } }, { a: 1, n: 2, s: 1 }],
    ];
    for (const [title, filter, update, expected] of upserts) {
      it(title, async () => {
        const things = subject.fresh();
        const { upsertedId, upsertedCount, matchedCount } = await things.updateOne(filter, update, {
          upsert: true,
        });
        expect([upsertedCount, matchedCount]).to.deep.equal([1, 0]);
        const { _id, ...found } = (await things.findOne()) ?? {};
        expect(found).to.deep.equal(expected);
        expect(String(_id)).to.equal(String(upsertedId));
      });
    }

    it("takes _id from the filter, and puts it first", async () => {
      const things = subject.fresh();
      await things.updateOne({ b: 1, _id: "x" as never }, { $set: { a: 1 } }, { upsert: true });
      expect(Object.entries((await things.findOne()) ?? {})).to.deep.equal([
        ["_id", "x"],
        ["b", 1],
        ["a", 1],
      ]);
    });

    it("of a replacement takes nothing but _id from the filter", async () => {
      const things = subject.fresh();
      await things.replaceOne({ _id: 7 as never, a: 1 }, { b: 2 }, { upsert: true });
      expect(await things.findOne()).to.deep.equal({ _id: 7, b: 2 });
    });

    it("of a filter that demands two values of one path is refused (54)", async () => {
      const act = subject.fresh().updateOne({ $and: [{ a: 1 }, { a: 2 }] }, { $set: { b: 1 } }, { upsert: true });
      expect((await rejectionOf(act)).code).to.equal(54);
    });
  });

  describe("findOneAndUpdate", () => {
    it("gives the document before, or after, cut to the projection", async () => {
      const things = subject.fresh();
      await things.insertOne({ _id: 1 as never, a: 1, b: 1 });
      expect(await things.findOneAndUpdate({}, { $inc: { a: 1 } })).to.deep.equal({ _id: 1, a: 1, b: 1 });
      const options = { returnDocument: "after", projection: { _id: 0, a: 1 } } as const;
      expect(await things.findOneAndUpdate({}, { $inc: { a: 1 } }, options)).to.deep.equal({ a: 3 });
    });

    it("takes the first by the sort", async () => {
      const things = subject.fresh();
      await things.insertMany([{ n: 2 }, { n: 3 }, { n: 1 }]);
      const last = await things.findOneAndUpdate({}, { $set: { taken: true } }, { sort: { n: -1 } });
      expect(last?.["n"]).to.equal(3);
      expect((await things.findOneAndDelete({}, { sort: { n: 1 } }))?.["n"]).to.equal(1);
      expect(await things.distinct("n")).to.deep.equal([2, 3]);
    });

    it("gives null where nothing matched", async () => {
      const things = subject.fresh();
      expect(await things.findOneAndUpdate({ a: 1 }, { $set: { b: 1 } })).to.equal(null);
      expect(await things.findOneAndDelete({ a: 1 })).to.equal(null);
      expect(await things.countDocuments()).to.equal(0);
    });

    it("upserts, and reports it", async () => {
      const things = subject.fresh();
      const options = { upsert: true, returnDocument: "after", includeResultMetadata: true } as const;
      const result = await things.findOneAndUpdate({ a: 1 }, { $set: { b: 1 } }, options);
      expect(result.lastErrorObject).to.deep.include({ n: 1, updatedExisting: false });
      expect(String(result.lastErrorObject?.["upserted"])).to.equal(String(result.value?._id));
      expect(await things.findOneAndUpdate({ a: 2 }, { $set: { b: 1 } }, { upsert: true })).to.equal(null);
    });

    it("replaces", async () => {
      const things = subject.fresh();
      await things.insertOne({ _id: 1 as never, a: 1 });
      expect(await things.findOneAndReplace({ a: 1 }, { b: 2 }, { returnDocument: "after" })).to.deep.equal({
        _id: 1,
        b: 2,
      });
    });
  });

  it("a bulk write of every kind reports each", async () => {
    const things = subject.fresh();
    const result = await things.bulkWrite([
      { insertOne: { document: { n: 1 } } },
      { insertOne: { document: { n: 2 } } },
      { updateOne: { filter: { n: 1 }, update: { $set: { m: 1 } } } },
      { updateMany: { filter: {}, update: { $inc: { n: 10 } } } },
      { replaceOne: { filter: { n: 99 }, replacement: { n: 50 }, upsert: true } },
      { deleteOne: { filter: { n: 12 } } },
      { deleteMany: { filter: { n: 77 } } },
    ]);
    const { insertedCount, matchedCount, modifiedCount, upsertedCount, deletedCount } = result;
    expect({ insertedCount, matchedCount, modifiedCount, upsertedCount, deletedCount }).to.deep.equal({
      insertedCount: 2,
      matchedCount: 3,
      modifiedCount: 3,
      upsertedCount: 1,
      deletedCount: 1,
    });
    expect((await things.distinct("n")).sort()).to.deep.equal([11, 50]);
  });

  it("an unknown field of a statement is refused (40415), and the statements beside it are not carried out", async () => {
    const things = subject.fresh();
    await things.insertOne({ a: 1 });
    const update = subject.db.command({
      update: things.collectionName,
      updates: [
        { q: {}, u: { $set: { a: 2 } } },
        { q: {}, u: { $set: { a: 3 } }, foo: 1 },
      ],
    });
    const refused = await rejectionOf(update);
    expect(refused.code).to.equal(40415);
    expect(refused.message).to.include("BSON field 'update.updates.foo' is an unknown field.");
    const deletes = [{ q: {}, limit: 0, foo: 1 }];
    const removal = await rejectionOf(subject.db.command({ delete: things.collectionName, deletes }));
    expect(removal.code).to.equal(40415);
    expect(removal.message).to.include("BSON field 'delete.deletes.foo' is an unknown field.");
    expect(await things.countDocuments({ a: 1 })).to.equal(1);
  });

  it("a document over 16 MiB is refused", async () => {
    const things = subject.fresh();
    await things.insertOne({ _id: 1 as never, a: "x".repeat(9_000_000) });
    let error: unknown;
    await things.updateOne({}, { $set: { b: "x".repeat(9_000_000) } }).catch((reason: unknown) => (error = reason));
    expect((error as mongo.MongoServerError).code).to.be.oneOf([10334, 17419]);
    expect(Object.keys((await things.findOne()) ?? {})).to.deep.equal(["_id", "a"]);
  });
});
