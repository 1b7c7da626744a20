import { expect } from "chai";
import { mongo } from "mongoose";
import { type Subject, connectSubject, rejectionOf } from "./subject";

const { BSONRegExp, Decimal128, Long, ObjectId } = mongo;
type Filter = Record<string, unknown>;

describe("MongoDB conformance: queries", () => {
  let subject: Subject;
  before(async () => (subject = await connectSubject()));
  after(() => subject.close());

  /** Stores the documents under `_id` 0, 1, 2 ... and gives the ids each filter finds. */
  async function idsFound(documents: Filter[], filter: Filter): Promise<number[]> {
    const things = subject.fresh();
    await things.insertMany(documents.map((document, _id) => ({ _id, ...document })) as unknown as mongo.Document[]);
    const found = await things.find(filter, { sort: { _id: 1 } }).toArray();
    return found.map(({ _id }) => _id as unknown as number);
  }

  const scalars = [
    { a: 1 },
    { a: "1" },
    { a: null },
    {},
    { a: [] },
    { a: [1, 2] },
    { a: { b: 1 } },
    { a: 2.5 },
    { a: true },
  ];
  const nested = [
    { a: { b: 1 } },
    { a: [{ b: 1 }, { b: 2 }] },
    { a: [{ b: [3, 4] }] },
    { a: [] },
    { a: [1, 2] },
    { a: { b: null } },
    { a: 5 },
    {},
    { a: [[{ b: 1 }]] },
    { a: [{ c: 1 }] },
  ];
  const items = [
    {
      items: [
        { kind: "a", n: 1 },
        { kind: "b", n: 5 },
      ],
    },
    { items: [{ kind: "a", n: 5 }] },
    { items: { kind: "a", n: 5 } },
    { items: [] },
    { items: [3, 8] },
  ];
  const text = [{ s: "Alice" }, { s: "alice" }, { s: "Bob\nalice" }, { s: ["bob", "Alice"] }, { s: 5 }, {}];

  const cases: [string, Filter[], Filter, number[]][] = [
    ["equality finds the value itself and arrays that hold it", scalars, { a: 1 }, [0, 5]],
    ["equality with null finds null and missing, not an empty array", scalars, { a: null }, [2, 3]],
    ["equality with an array finds the whole array", scalars, { a: [1, 2] }, [5]],
    ["equality with an empty array finds it", scalars, { a: [] }, [4]],
    ["equality with a document compares all of it", scalars, { a: { b: 1 } }, [6]],
    ["$ne is the complement of equality", scalars, { a: { $ne: 1 } }, [1, 2, 3, 4, 6, 7, 8]],
    ["$ne null finds what is there", scalars, { a: { $ne: null } }, [0, 1, 4, 5, 6, 7, 8]],
    ["$gt stays with numbers", scalars, { a: { $gt: 0 } }, [0, 5, 7]],
    ["$gt and $lt may be met by different elements of an array", scalars, { a: { $gt: 1, $lt: 2 } }, [5]],
    ["$gte null finds null and missing", scalars, { a: { $gte: null } }, [2, 3]],
    ["$lt text stays with text", scalars, { a: { $lt: "2" } }, [1]],
    ["$in finds any of several types", scalars, { a: { $in: [1, "1", true] } }, [0, 1, 5, 8]],
    ["$in with null finds missing too", scalars, { a: { $in: [null] } }, [2, 3]],
    ["$in with an empty list finds nothing", scalars, { a: { $in: [] } }, []],
    ["$nin is the complement of $in", scalars, { a: { $nin: [1, null] } }, [1, 4, 6, 7, 8]],
    ["$exists true finds null too", scalars, { a: { $exists: true } }, [0, 1, 2, 4, 5, 6, 7, 8]],
    ["$exists false finds only missing", scalars, { a: { $exists: false } }, [3]],
    ["$type number tests elements of arrays", scalars, { a: { $type: "number" } }, [0, 5, 7]],
    ["$type array finds the field itself", scalars, { a: { $type: "array" } }, [4, 5]],
    ["$type takes several, by name and by code", scalars, { a: { $type: ["bool", 2] } }, [1, 8]],
    ["$not is true where the field is missing", scalars, { a: { $not: { $gt: 0 } } }, [1, 2, 3, 4, 6, 8]],
    ["$size counts elements", scalars, { a: { $size: 2 } }, [5]],
    ["$mod takes the remainder of the whole part", scalars, { a: { $mod: [2, 0] } }, [5, 7]],
    ["a number is found by any numeric type", scalars, { a: Decimal128.fromString("1.0") }, [0, 5]],
    ["a long finds an int and a double", scalars, { a: { $gte: Long.fromNumber(2) } }, [5, 7]],
    ["$and of one field meets all", scalars, { $and: [{ a: { $gt: 0 } }, { a: { $lt: 2 } }] }, [0, 5]],
    ["$or meets any", scalars, { $or: [{ a: "1" }, { a: true }] }, [1, 8]],
    ["$nor meets none", scalars, { $nor: [{ a: { $exists: true } }] }, [3]],
    ["$bitsAllSet tests bits", scalars, { a: { $bitsAllSet: 1 } }, [0, 5]],

    ["a dotted path enters documents and arrays of documents", nested, { "a.b": 1 }, [0, 1]],
    ["a dotted path reaches an array inside an array", nested, { "a.b": 4 }, [2]],
    [
      "a dotted path with null finds missing, but not in empty arrays or arrays of scalars",
      nested,
      { "a.b": null },
      [5, 6, 7, 9],
    ],
    ["a dotted path's $exists false", nested, { "a.b": { $exists: false } }, [3, 4, 6, 7, 8, 9]],
    ["a number in a path picks an element", nested, { "a.0.b": 1 }, [1, 8]],
    ["a number at the end of a path picks an element", nested, { "a.1": 2 }, [4]],
    ["a dotted $ne is true where nothing equals", nested, { "a.b": { $ne: 1 } }, [2, 3, 4, 5, 6, 7, 8, 9]],

    ["$elemMatch wants one element to meet all", items, { items: { $elemMatch: { kind: "a", n: 5 } } }, [1]],
    ["dotted conditions may be met by different elements", items, { "items.kind": "a", "items.n": 5 }, [0, 1, 2]],
    [
      "$elemMatch with operators tests the elements themselves",
      items,
      { items: { $elemMatch: { $gt: 3, $lt: 9 } } },
      [4],
    ],
    ["$elemMatch with $or", items, { items: { $elemMatch: { $or: [{ n: 1 }, { kind: "c" }] } } }, [0]],
    ["$not $elemMatch is true for what is no array", items, { items: { $not: { $elemMatch: { n: 5 } } } }, [2, 3, 4]],
    ["$all wants every value", [{ a: [1, 2, 3] }, { a: [1] }, { a: 1 }], { a: { $all: [1] } }, [0, 1, 2]],
    ["$all of two values", [{ a: [1, 2, 3] }, { a: [1] }, { a: 1 }], { a: { $all: [1, 3] } }, [0]],
    ["$all of $elemMatch", items, { items: { $all: [{ $elemMatch: { n: 1 } }, { $elemMatch: { n: 5 } }] } }, [0]],

    ["$regex is case sensitive", text, { s: { $regex: "^Al" } }, [0, 3]],
    ["$regex with option i", text, { s: { $regex: "^al", $options: "i" } }, [0, 1, 3]],
    ["$regex with option m", text, { s: { $regex: "^al", $options: "m" } }, [1, 2]],
    ["a regular expression as the value", text, { s: /^alice$/i }, [0, 1, 3]],
    ["$in with a regular expression", text, { s: { $in: [/^bob$/, 5] } }, [3, 4]],
    ["$not with a regular expression", text, { s: { $not: /alice/i } }, [4, 5]],
    ["a regular expression with x ignores spaces", text, { s: new BSONRegExp("^ Al # start\n ice", "x") }, [0, 3]],
  ];
  for (const [title, documents, filter, expected] of cases) {
    it(title, async () => {
      expect(await idsFound(documents, filter)).to.deep.equal(expected);
    });
  }

  it("dates, ids and NaN compare within their type", async () => {
    const documents = [{ a: new Date(5) }, { a: new ObjectId("000000000000000000000005") }, { a: NaN }, { a: 3 }];
    expect(await idsFound(documents, { a: { $lte: new Date(5) } })).to.deep.equal([0]);
    expect(await idsFound(documents, { a: { $gt: new ObjectId("000000000000000000000004") } })).to.deep.equal([1]);
    expect(await idsFound(documents, { a: { $lt: 10 } })).to.deep.equal([3]);
    expect(await idsFound(documents, { a: NaN })).to.deep.equal([2]);
  });

  const refused: [string, Filter, number][] = [
    ["an unknown operator", { a: { $foo: 1 } }, 2],
    ["an unknown operator at the top", { $foo: 1 }, 2],
    ["$in without a list", { a: { $in: 1 } }, 2],
    ["an empty $or", { $or: [] }, 2],
    ["$elemMatch without a document", { a: { $elemMatch: 1 } }, 2],
    ["$not without an operator", { a: { $not: 1 } }, 2],
    ["$mod without a pair", { a: { $mod: [1] } }, 2],
    ["an unknown type", { a: { $type: "nonsense" } }, 2],
    ["$all without a list", { a: { $all: 1 } }, 2],
    ["a pattern that does not compile", { a: { $regex: "(" } }, 51091],
  ];
  for (const [what, filter, code] of refused) {
    it(`${what} is refused (${code})`, async () => {
      expect((await rejectionOf(subject.fresh().find(filter).toArray())).code).to.equal(code);
    });
  }

  describe("projections", () => {
    const stored = {
      _id: 1,
      a: 1,
      b: { c: 2, d: 3 },
      list: [1, 2, 3, 4],
      docs: [
        { k: 1, v: "x" },
        { k: 2, v: "y" },
      ],
    };
    const projections: [string, Filter, Filter][] = [
      ["inclusion keeps _id", { a: 1 }, { _id: 1, a: 1 }],
      ["inclusion without _id", { a: 1, _id: 0 }, { a: 1 }],
      ["inclusion of a path", { "b.c": 1 }, { _id: 1, b: { c: 2 } }],
      ["inclusion of a path through an array", { "docs.k": 1 }, { _id: 1, docs: [{ k: 1 }, { k: 2 }] }],
      ["exclusion", { list: 0, docs: 0, "b.d": 0 }, { _id: 1, a: 1, b: { c: 2 } }],
      [
        "$slice keeps the other fields",
        { list: { $slice: 2 }, docs: 0 },
        { _id: 1, a: 1, b: { c: 2, d: 3 }, list: [1, 2] },
      ],
      ["$slice from the end", { list: { $slice: -1 }, docs: 0, b: 0 }, { _id: 1, a: 1, list: [4] }],
      ["$slice with an offset", { list: { $slice: [1, 2] }, docs: 0, b: 0 }, { _id: 1, a: 1, list: [2, 3] }],
      [
        "$elemMatch keeps the first match",
        { docs: { $elemMatch: { k: { $gt: 1 } } } },
        { _id: 1, docs: [{ k: 2, v: "y" }] },
      ],
    ];
    for (const [title, projection, expected] of projections) {
      it(title, async () => {
        const things = subject.fresh();
        await things.insertOne({ ...stored } as unknown as mongo.Document);
        expect(await things.findOne({}, { projection })).to.deep.equal(expected);
      });
    }

    it("the positional operator gives the element that matched", async () => {
      const things = subject.fresh();
      await things.insertOne({ ...stored } as unknown as mongo.Document);
      const found = await things.findOne({ "docs.k": 2 }, { projection: { "docs.$": 1 } });
      expect(found).to.deep.equal({ _id: 1, docs: [{ k: 2, v: "y" }] });
    });

    it("inclusion and exclusion together are refused", async () => {
      const things = subject.fresh();
      expect((await rejectionOf(things.find({}, { projection: { a: 1, b: 0 } }).toArray())).code).to.equal(31254);
      expect((await rejectionOf(things.find({}, { projection: { a: 0, b: 1 } }).toArray())).code).to.equal(31253);
    });
  });

  describe("cursors", () => {
    it("bring everything once, in order, over many batches", async () => {
      const things = subject.fresh();
      await things.insertMany(Array.from({ length: 1000 }, (_, i) => ({ i })));
      const seen: number[] = [];
      for await (const { i } of things.find({}, { sort: { i: 1 }, batchSize: 7 })) seen.push(i as number);
      expect(seen).to.deep.equal(Array.from({ length: 1000 }, (_, i) => i));
    });

    it("honour limit, skip and batch size together", async () => {
      const things = subject.fresh();
      await things.insertMany(Array.from({ length: 50 }, (_, i) => ({ i })));
      const found = await things.find({}, { sort: { i: -1 }, skip: 5, limit: 12, batchSize: 5 }).toArray();
      expect(found.map(({ i }) => i as number)).to.deep.equal(Array.from({ length: 12 }, (_, i) => 44 - i));
    });

    it("carry results larger than a message", async () => {
      const things = subject.fresh();
      const text = "x".repeat(1_000_000);
      await things.insertMany(Array.from({ length: 40 }, (_, i) => ({ i, text })));
      const found = await things.find({}, { sort: { i: 1 } }).toArray();
      expect(found.map((each) => (each["text"] as string).length)).to.deep.equal(
        Array.from({ length: 40 }, () => 1_000_000),
      );
    });

    it("are gone once killed (43)", async () => {
      const things = subject.fresh();
      await things.insertMany(Array.from({ length: 10 }, (_, i) => ({ i })));
      const { cursor } = await subject.db.command(
        { find: things.collectionName, batchSize: 2 },
        { promoteLongs: false },
      );
      const id = (cursor as { id: mongo.Long }).id;
      const { cursorsKilled } = await subject.db.command({ killCursors: things.collectionName, cursors: [id] });
      expect(cursorsKilled).to.have.length(1);
      const more = subject.db.command({ getMore: id, collection: things.collectionName });
      expect((await rejectionOf(more)).code).to.equal(43);
    });

    it("of a collection that does not exist are empty", async () => {
      expect(await subject.fresh().find().toArray()).to.deep.equal([]);
    });
  });

  it("count and distinct see arrays as queries do", async () => {
    const things = subject.fresh();
    await things.insertMany([{ a: [1, 2] }, { a: 2 }, { a: [{ b: 3 }] }, {}]);
    expect(await things.countDocuments({ a: 2 })).to.equal(2);
    expect(await things.countDocuments({}, { skip: 1, limit: 2 })).to.equal(2);
    expect(await things.estimatedDocumentCount()).to.equal(4);
    expect(await things.distinct("a")).to.deep.equal([1, 2, { b: 3 }]);
    expect(await things.distinct("a.b")).to.deep.equal([3]);
  });
});
