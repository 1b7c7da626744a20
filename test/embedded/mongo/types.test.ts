import { expect } from "chai";
import { mongo } from "mongoose";
import { randomBytes } from "node:crypto";
import { type Subject, addIndex, connectSubject } from "./subject";

const { BSONRegExp, Binary, Code, Decimal128, Double, Int32, Long, MaxKey, MinKey, ObjectId, Timestamp, UUID } = mongo;

/** The types as they come, nothing turned into JavaScript numbers. */
const RAW = { promoteValues: false, promoteLongs: false, bsonRegExp: true } as const;

describe("MongoDB conformance: types", () => {
  let subject: Subject;
  before(async () => (subject = await connectSubject()));
  after(() => subject.close());

  const values: Record<string, unknown> = {
    int: new Int32(7),
    "whole double": new Double(7),
    "fractional double": new Double(7.25),
    "negative zero": new Double(-0),
    "huge double": new Double(1e300),
    NaN: new Double(NaN),
    infinity: new Double(-Infinity),
    long: Long.fromString("9007199254740993"),
    "small long": Long.fromNumber(7),
    "least long": Long.MIN_VALUE,
    decimal: Decimal128.fromString("1234567890.123456789012345678901234"),
    "decimal with trailing zeros": Decimal128.fromString("1.500"),
    "decimal infinity": Decimal128.fromString("Infinity"),
    string: "grüße, 😀 \u0000 inside",
    "empty string": "",
    true: true,
    null: null,
    date: new Date("2024-02-29T12:34:56.789Z"),
    "date before 1970": new Date(-1),
    objectId: new ObjectId("0123456789abcdef01234567"),
    binary: new Binary(Buffer.from([0, 1, 254, 255]), 0),
    "user-defined binary": new Binary(Buffer.from("abc"), 128),
    uuid: new UUID("00112233-4455-6677-8899-aabbccddeeff"),
    timestamp: new Timestamp({ t: 1_700_000_000, i: 3 }),
    regex: new BSONRegExp("^a.*z$", "im"),
    code: new Code("return 1"),
    minKey: new MinKey(),
    maxKey: new MaxKey(),
    "empty document": {},
    "empty array": [],
    nested: { b: [1, [2, { c: null }]], a: { $odd: "name", "dotted.name": 1 } },
  };

  for (const [name, value] of Object.entries(values)) {
    it(`${name} comes back as it was stored`, async () => {
      const things = subject.fresh();
      await things.insertOne({ value });
      await things.updateOne({}, { $set: { touched: true } });
      const found = await things.findOne({}, RAW);
      const sent = mongo.BSON.serialize({ value });
      expect(Buffer.from(mongo.BSON.serialize({ value: found?.["value"] as unknown })).toString("hex")).to.equal(
        Buffer.from(sent).toString("hex"),
      );
    });
  }

  it("fields that are undefined are left out when the client ignores them", async () => {
    const client = await subject.connect({ ignoreUndefined: true });
    const things = client.db(subject.db.databaseName).collection("ignoring");
    await things.insertOne({ a: 1, b: undefined });
    expect(Object.keys((await things.findOne()) ?? {})).to.deep.equal(["_id", "a"]);
  });

  it("binary data stays what it was while other messages come and go", async () => {
    const things = subject.fresh();
    const sent = Array.from({ length: 50 }, (_, i) => ({ i, bytes: randomBytes(200) }));
    await things.insertMany(sent.map((each) => ({ ...each })));
    for (let i = 0; i < 50; i++) await things.insertOne({ noise: randomBytes(5000) });
    const found = await things.find({ i: { $exists: true } }, { sort: { i: 1 } }).toArray();
    expect(found.map(({ bytes }) => Buffer.from((bytes as mongo.Binary).value()).toString("hex"))).to.deep.equal(
      sent.map(({ bytes }) => bytes.toString("hex")),
    );
  });

  const sums: [string, unknown, unknown, unknown][] = [
    ["an int and an int give an int", new Int32(1), new Int32(2), new Int32(3)],
    ["an int that overflows becomes a long", new Int32(2147483647), new Int32(1), Long.fromNumber(2147483648)],
    ["an int and a long give a long", new Int32(1), Long.fromNumber(2), Long.fromNumber(3)],
    ["an int and a double give a double", new Int32(1), new Double(2), new Double(3)],
    ["a long and a double give a double", Long.fromNumber(1), new Double(0.5), new Double(1.5)],
    ["a decimal stays exact", Decimal128.fromString("0.1"), Decimal128.fromString("0.2"), Decimal128.fromString("0.3")],
    ["an int and a decimal give a decimal", new Int32(1), Decimal128.fromString("0.50"), Decimal128.fromString("1.50")],
  ];
  for (const [name, before, by, after] of sums) {
    it(`adding by $inc: ${name}`, async () => {
      const things = subject.fresh();
      await things.insertOne({ n: before });
      await things.updateOne({}, { $inc: { n: by } } as unknown as mongo.UpdateFilter<mongo.Document>);
      const found = await things.findOne({}, RAW);
      const hex = (n: unknown): string => Buffer.from(mongo.BSON.serialize({ n })).toString("hex");
      expect(hex(found?.["n"])).to.equal(hex(after));
    });
  }

  it("numbers past 2^53 are distinguished", async () => {
    const things = subject.fresh();
    await addIndex(things, { n: 1 });
    await things.insertMany([{ n: Long.fromString("9007199254740992") }, { n: Long.fromString("9007199254740993") }]);
    expect(await things.countDocuments({ n: Long.fromString("9007199254740993") })).to.equal(1);
    expect(await things.countDocuments({ n: { $gt: Long.fromString("9007199254740992") } })).to.equal(1);
    expect(await things.countDocuments({ n: new Double(9007199254740992) })).to.equal(1);
  });

  it("documents of different types sort in MongoDB's order", async () => {
    const things = subject.fresh();
    const ordered: unknown[] = [
      new MinKey(),
      null,
      new Double(-Infinity),
      Long.fromNumber(-3),
      new Int32(2),
      Decimal128.fromString("2.5"),
      new Double(3),
      "A",
      "a",
      "é",
      {},
      { a: 1 },
      { a: 1, b: 1 },
      { b: 0 },
      new Binary(Buffer.from([1]), 0),
      new Binary(Buffer.from([0, 0]), 0),
      new ObjectId("000000000000000000000001"),
      new ObjectId("100000000000000000000000"),
      false,
      true,
      new Date(0),
      new Date(1),
      new Timestamp({ t: 1, i: 1 }),
      new BSONRegExp("a", ""),
      new MaxKey(),
    ];
    const shuffled = ordered
      .map((value, place) => ({ value, place }))
      .sort((a, b) => ((a.place * 7) % 25) - ((b.place * 7) % 25));
    await things.insertMany(shuffled);
    const places = async (direction: 1 | -1): Promise<unknown[]> =>
      (await things.find().sort({ value: direction }).toArray()).map(({ place }) => place as number);
    const expected = ordered.map((_, place) => place);
    expect(await places(1)).to.deep.equal(expected);
    expect(await places(-1)).to.deep.equal([...expected].reverse());
    await addIndex(things, { value: 1 });
    expect(await places(1)).to.deep.equal(expected);
    expect(await places(-1)).to.deep.equal([...expected].reverse());
  });

  it("strings sort by their bytes in UTF-8", async () => {
    const things = subject.fresh();
    await things.insertMany([{ s: "\u{1F600}" }, { s: "\uffee" }, { s: "z" }, { s: "Z" }]);
    const found = await things.find().sort({ s: 1 }).toArray();
    expect(found.map(({ s }) => s as string)).to.deep.equal(["Z", "z", "\uffee", "\u{1F600}"]);
  });

  it("arrays sort by their least element going up and by their greatest going down", async () => {
    const things = subject.fresh();
    await things.insertMany([
      { name: "wide", n: [1, 100] },
      { name: "middle", n: [50] },
      { name: "plain", n: 75 },
      { name: "empty", n: [] },
      { name: "none" },
    ]);
    const names = async (direction: 1 | -1): Promise<unknown[]> =>
      (await things.find().sort({ n: direction }).toArray()).map(({ name }) => name as string);
    expect(await names(1)).to.deep.equal(["empty", "none", "wide", "middle", "plain"]);
    expect(await names(-1)).to.deep.equal(["wide", "plain", "middle", "none", "empty"]);
  });
});
