import { expect } from "chai";
import { mongo } from "mongoose";
import { type Subject, connectSubject, rejectionOf } from "./subject";

type Plain = Record<string, unknown>;

describe("MongoDB conformance: aggregation", () => {
  let subject: Subject;
  let sales: mongo.Collection;
  before(async () => {
    subject = await connectSubject();
    sales = subject.fresh();
    await sales.insertMany([
      { _id: 1, item: "a", price: 10, quantity: 2, tags: ["x", "y"], at: new Date("2024-01-15T10:00:00Z") },
      { _id: 2, item: "b", price: 20, quantity: 1, tags: ["y"], at: new Date("2024-01-20T10:00:00Z") },
      { _id: 3, item: "a", price: 5, quantity: 10, tags: [], at: new Date("2024-02-01T00:00:00Z") },
      { _id: 4, item: "c", price: 7.5, quantity: 4, at: new Date("2024-02-10T00:00:00Z") },
    ] as unknown as mongo.Document[]);
  });
  after(() => subject.close());

  const run = (pipeline: Plain[]): Promise<mongo.Document[]> => sales.aggregate(pipeline).toArray();

  const pipelines: [string, Plain[], unknown[]][] = [
    [
      "$match and $sort",
      [{ $match: { price: { $gt: 6 } } }, { $sort: { price: -1 } }, { $project: { _id: 1 } }],
      [{ _id: 2 }, { _id: 1 }, { _id: 4 }],
    ],
    [
      "$group sums, averages, bounds and collects",
      [
        {
          $group: {
            _id: "$item",
            total: { $sum: { $multiply: ["$price", "$quantity"] } },
            mean: { $avg: "$price" },
            least: { $min: "$price" },
            most: { $max: "$quantity" },
            ids: { $push: "$_id" },
            count: { $sum: 1 },
          },
        },
        { $sort: { _id: 1 } },
      ],
      [
        { _id: "a", total: 70, mean: 7.5, least: 5, most: 10, ids: [1, 3], count: 2 },
        { _id: "b", total: 20, mean: 20, least: 20, most: 1, ids: [2], count: 1 },
        { _id: "c", total: 30, mean: 7.5, least: 7.5, most: 4, ids: [4], count: 1 },
      ],
    ],
    ["$group by null takes all", [{ $group: { _id: null, n: { $count: {} } } }], [{ _id: null, n: 4 }]],
    [
      "$first and $last follow the order",
      [{ $sort: { price: 1 } }, { $group: { _id: null, first: { $first: "$_id" }, last: { $last: "$_id" } } }],
      [{ _id: null, first: 3, last: 2 }],
    ],
    [
      "$skip and $limit",
      [{ $sort: { _id: 1 } }, { $skip: 1 }, { $limit: 2 }, { $project: { _id: 1 } }],
      [{ _id: 2 }, { _id: 3 }],
    ],
    ["$count counts", [{ $match: { item: "a" } }, { $count: "n" }], [{ n: 2 }]],
    ["$count of nothing gives no document", [{ $match: { item: "z" } }, { $count: "n" }], []],
    [
      "$unwind gives a document an element and drops the rest",
      [{ $unwind: "$tags" }, { $sort: { _id: 1, tags: 1 } }, { $project: { tags: 1 } }],
      [
        { _id: 1, tags: "x" },
        { _id: 1, tags: "y" },
        { _id: 2, tags: "y" },
      ],
    ],
    [
      "$unwind can keep what has no elements, and number the rest",
      [
        { $unwind: { path: "$tags", includeArrayIndex: "i", preserveNullAndEmptyArrays: true } },
        { $sort: { _id: 1, i: 1 } },
        { $project: { tags: 1, i: 1 } },
      ],
      [
        { _id: 1, tags: "x", i: 0 },
        { _id: 1, tags: "y", i: 1 },
        { _id: 2, tags: "y", i: 0 },
        { _id: 3, i: null },
        { _id: 4, i: null },
      ],
    ],
    [
      "$addFields adds and replaces",
      [{ $match: { _id: 1 } }, { $addFields: { price: 0, "deep.er": "$item" } }, { $project: { price: 1, deep: 1 } }],
      [{ _id: 1, price: 0, deep: { er: "a" } }],
    ],
    [
      "$set with $$REMOVE drops a field",
      [{ $match: { _id: 4 } }, { $set: { at: "$$REMOVE" } }, { $unset: ["price", "quantity"] }],
      [{ _id: 4, item: "c" }],
    ],
    [
      "$project computes and excludes",
      [{ $match: { _id: 2 } }, { $project: { _id: 0, total: { $add: ["$price", "$quantity"] } } }],
      [{ total: 21 }],
    ],
    [
      "$replaceRoot takes an embedded document",
      [{ $match: { _id: 1 } }, { $replaceRoot: { newRoot: { it: "$item" } } }],
      [{ it: "a" }],
    ],
    ["$sortByCount orders groups by size", [{ $sortByCount: "$item" }, { $limit: 1 }], [{ _id: "a", count: 2 }]],
    [
      "$facet runs pipelines side by side",
      [{ $facet: { n: [{ $count: "n" }], dear: [{ $match: { price: { $gte: 20 } } }, { $project: { _id: 1 } }] } }],
      [{ n: [{ n: 4 }], dear: [{ _id: 2 }] }],
    ],
    [
      "$bucket sorts into boundaries",
      [{ $bucket: { groupBy: "$price", boundaries: [0, 10, 30] } }],
      [
        { _id: 0, count: 2 },
        { _id: 10, count: 2 },
      ],
    ],
  ];
  for (const [title, pipeline, expected] of pipelines) {
    it(title, async () => {
      expect(await run(pipeline)).to.deep.equal(expected);
    });
  }

  describe("$lookup", () => {
    let stock: mongo.Collection;
    before(async () => {
      stock = subject.fresh();
      await stock.insertMany([
        { _id: "s1", sku: "a", left: 5 },
        { _id: "s2", sku: "b", left: 0 },
        { _id: "s3", left: 9 },
        { _id: "s4", sku: ["a", "z"], left: 1 },
      ] as unknown as mongo.Document[]);
    });

    it("joins by equality, into arrays too, and leaves out what does not match", async () => {
      const found = await run([
        { $sort: { _id: 1 } },
        { $lookup: { from: stock.collectionName, localField: "item", foreignField: "sku", as: "stock" } },
        { $project: { ids: "$stock._id" } },
      ]);
      expect(found).to.deep.equal([
        { _id: 1, ids: ["s1", "s4"] },
        { _id: 2, ids: ["s2"] },
        { _id: 3, ids: ["s1", "s4"] },
        { _id: 4, ids: [] },
      ]);
    });

    it("joins what is missing with what is missing", async () => {
      const found = await run([
        { $match: { _id: 4 } },
        { $lookup: { from: stock.collectionName, localField: "tags", foreignField: "sku", as: "stock" } },
        { $project: { ids: "$stock._id" } },
      ]);
      expect(found).to.deep.equal([{ _id: 4, ids: ["s3"] }]);
    });

    it("runs a pipeline with variables of the outer document", async () => {
      const found = await run([
        { $match: { _id: { $in: [1, 2] } } },
        { $sort: { _id: 1 } },
        {
          $lookup: {
            from: stock.collectionName,
            let: { wanted: "$quantity" },
            pipeline: [
              { $match: { $expr: { $gte: ["$left", "$$wanted"] } } },
              { $sort: { _id: 1 } },
              { $project: { _id: 1 } },
            ],
            as: "enough",
          },
        },
        { $project: { enough: 1 } },
      ]);
      expect(found).to.deep.equal([
        { _id: 1, enough: [{ _id: "s1" }, { _id: "s3" }] },
        { _id: 2, enough: [{ _id: "s1" }, { _id: "s3" }, { _id: "s4" }] },
      ]);
    });

    it("combines equality with a pipeline", async () => {
      const found = await run([
        { $match: { _id: 1 } },
        {
          $lookup: {
            from: stock.collectionName,
            localField: "item",
            foreignField: "sku",
            pipeline: [{ $match: { left: { $gt: 1 } } }, { $project: { _id: 1 } }],
            as: "stock",
          },
        },
        { $project: { stock: 1 } },
      ]);
      expect(found).to.deep.equal([{ _id: 1, stock: [{ _id: "s1" }] }]);
    });
  });

  const expressions: [string, unknown, unknown][] = [
    ["$cond", { $cond: [{ $gt: ["$price", 5] }, "dear", "cheap"] }, "dear"],
    ["$ifNull", { $ifNull: ["$nothing", "$item"] }, "a"],
    ["$switch", { $switch: { branches: [{ case: { $eq: ["$item", "a"] }, then: 1 }], default: 2 } }, 1],
    ["$eq compares an array as a whole", { $eq: ["$tags", "x"] }, false],
    ["$eq of a missing field and null", { $eq: ["$nothing", null] }, false],
    ["$in", { $in: ["x", "$tags"] }, true],
    ["$size", { $size: "$tags" }, 2],
    ["$arrayElemAt from the end", { $arrayElemAt: ["$tags", -1] }, "y"],
    ["$filter", { $filter: { input: [1, 2, 3], as: "n", cond: { $gt: ["$$n", 1] } } }, [2, 3]],
    ["$map", { $map: { input: "$tags", in: { $concat: ["$$this", "!"] } } }, ["x!", "y!"]],
    ["$reduce", { $reduce: { input: [1, 2, 3], initialValue: 0, in: { $add: ["$$value", "$$this"] } } }, 6],
    ["$let", { $let: { vars: { t: { $multiply: ["$price", "$quantity"] } }, in: { $add: ["$$t", 1] } } }, 21],
    ["$concatArrays", { $concatArrays: ["$tags", ["z"]] }, ["x", "y", "z"]],
    ["$slice", { $slice: [[1, 2, 3, 4], 1, 2] }, [2, 3]],
    ["$objectToArray", { $objectToArray: { $literal: { a: 1 } } }, [{ k: "a", v: 1 }]],
    ["$arrayToObject", { $arrayToObject: [[["k", 1]]] }, { k: 1 }],
    ["$mergeObjects", { $mergeObjects: [{ a: 1, b: 1 }, { b: 2 }] }, { a: 1, b: 2 }],
    ["$setUnion and $size", { $size: { $setUnion: ["$tags", ["y", "z"]] } }, 3],
    ["$divide", { $divide: ["$price", 4] }, 2.5],
    ["$mod", { $mod: ["$price", 4] }, 2],
    ["$round half to even", { $round: [2.5] }, 2],
    ["$round to a place", { $round: [1.235, 2] }, 1.24],
    ["$trunc", { $trunc: -2.7 }, -2],
    ["$subtract of dates gives milliseconds", { $subtract: ["$at", new Date("2024-01-15T09:59:59Z")] }, 1000],
    ["$add of a date and milliseconds", { $add: ["$at", 1000] }, new Date("2024-01-15T10:00:01Z")],
    ["$dateToString", { $dateToString: { date: "$at", format: "%Y-%m-%d" } }, "2024-01-15"],
    ["$dateTrunc", { $dateTrunc: { date: "$at", unit: "month" } }, new Date("2024-01-01T00:00:00Z")],
    ["$year", { $year: "$at" }, 2024],
    ["$toString of a number", { $toString: "$price" }, "10"],
    ["$toInt of text", { $toInt: "42" }, 42],
    ["$convert with onError", { $convert: { input: "x", to: "int", onError: -1 } }, -1],
    ["$type of a missing field", { $type: "$nothing" }, "missing"],
    ["$type of an id", { $type: new mongo.ObjectId() }, "objectId"],
    ["$toUpper", { $toUpper: "$item" }, "A"],
    ["$substrCP", { $substrCP: ["häuser", 1, 3] }, "äus"],
    ["$split", { $split: ["a,b", ","] }, ["a", "b"]],
    ["$regexMatch", { $regexMatch: { input: "$item", regex: "^A$", options: "i" } }, true],
    ["$indexOfArray", { $indexOfArray: ["$tags", "y"] }, 1],
    ["$range", { $range: [0, 5, 2] }, [0, 2, 4]],
    ["$getField", { $getField: { field: "item", input: "$$ROOT" } }, "a"],
    ["null spreads through arithmetic", { $add: ["$price", "$nothing"] }, null],
    ["a literal that looks like a path", { $literal: "$price" }, "$price"],
  ];
  for (const [title, expression, expected] of expressions) {
    it(`expression: ${title}`, async () => {
      const [found] = await run([{ $match: { _id: 1 } }, { $project: { _id: 0, value: expression } }]);
      expect(found?.["value"]).to.deep.equal(expected);
    });
  }

  it("numbers of different types group together and sum exactly", async () => {
    const things = subject.fresh();
    const { Decimal128, Double, Long } = mongo;
    await things.insertMany([
      { k: 1, v: Long.fromString("9007199254740993") },
      { k: new Double(1), v: 1 },
      { k: Long.fromNumber(1), v: 1 },
      { k: 2, v: Decimal128.fromString("0.1") },
      { k: 2, v: Decimal128.fromString("0.2") },
    ]);
    const found = await things
      .aggregate([{ $group: { _id: "$k", sum: { $sum: "$v" } } }, { $sort: { _id: 1 } }], { promoteLongs: false })
      .toArray();
    expect(found.map(({ sum }) => String(sum))).to.deep.equal(["9007199254740995", "0.3"]);
  });

  it("ids group and compare as ids", async () => {
    const things = subject.fresh();
    const [one, other] = [new mongo.ObjectId(), new mongo.ObjectId()];
    await things.insertMany([{ user: one }, { user: other }, { user: new mongo.ObjectId(one.toHexString()) }]);
    const counts = await things.aggregate([{ $sortByCount: "$user" }]).toArray();
    expect(counts.map(({ _id, count }) => [String(_id), count as number])).to.deep.equal([
      [String(one), 2],
      [String(other), 1],
    ]);
  });

  it("does not change what is stored", async () => {
    const before = await sales.find({}, { sort: { _id: 1 } }).toArray();
    await run([{ $unwind: "$tags" }, { $set: { "at.x": 1, tags: 0 } }, { $addFields: { "price.y": 1 } }]);
    expect(await sales.find({}, { sort: { _id: 1 } }).toArray()).to.deep.equal(before);
  });

  it("$merge updates what matches and inserts the rest; $out replaces a collection", async () => {
    const target = subject.fresh();
    await target.insertOne({ _id: "a" as never, kept: true });
    const grouped = [{ $group: { _id: "$item", n: { $sum: 1 } } }];
    await run([
      ...grouped,
      { $merge: { into: target.collectionName, whenMatched: "merge", whenNotMatched: "insert" } },
    ]);
    expect(await target.find({}, { sort: { _id: 1 } }).toArray()).to.deep.equal([
      { _id: "a", kept: true, n: 2 },
      { _id: "b", n: 1 },
      { _id: "c", n: 1 },
    ]);
    await run([{ $match: { _id: 1 } }, { $project: { item: 1 } }, { $out: target.collectionName }]);
    expect(await target.find().toArray()).to.deep.equal([{ _id: 1, item: "a" }]);
  });

  it("brings results in batches", async () => {
    const things = subject.fresh();
    await things.insertMany(Array.from({ length: 300 }, (_, i) => ({ i })));
    const found = await things
      .aggregate([{ $match: { i: { $gte: 0 } } }, { $sort: { i: 1 } }], { batchSize: 11 })
      .toArray();
    expect(found.map(({ i }) => i as number)).to.deep.equal(Array.from({ length: 300 }, (_, i) => i));
  });

  /** Where releases differ in the code, each is given. */
  const refused: [string, Plain[], ...number[]][] = [
    ["an unknown stage", [{ $foo: {} }], 40324],
    ["a stage of two names", [{ $match: {}, $limit: 1 }], 40323],
    ["an unknown expression", [{ $project: { a: { $foo: 1 } } }], 31325, 168],
    ["$group without _id", [{ $group: { n: { $sum: 1 } } }], 15955],
    ["an unknown accumulator", [{ $group: { _id: 1, n: { $foo: 1 } } }], 15952],
    ["division by zero", [{ $project: { a: { $divide: ["$price", 0] } } }], 2, 16608],
    ["adding text", [{ $project: { a: { $add: ["$item", 1] } } }], 14, 16554],
    ["a conversion that cannot be", [{ $project: { a: { $toInt: "$item" } } }], 241],
    ["an undefined variable", [{ $project: { a: "$$nothing" } }], 17276],
    ["$size of what is no array", [{ $project: { a: { $size: "$item" } } }], 17124],
  ];
  for (const [what, pipeline, ...codes] of refused) {
    it(`${what} is refused (${codes.join(" or ")})`, async () => {
      expect((await rejectionOf(run(pipeline))).code).to.be.oneOf(codes);
    });
  }
});
