import { expect } from "chai";
import type { mongo } from "mongoose";
import { type Subject, addIndex, connectSubject, rejectionOf } from "./subject";

type Plain = Record<string, unknown>;

describe("MongoDB conformance: aggregation", () => {
  let subject: Subject;
  let sales: mongo.Collection;
  before(async () => {
    subject = await connectSubject();
    sales = subject.fresh();
    await sales.insertMany([
      { _id: 1, item: "a", price: 10, tags: ["x", "y"] },
      { _id: 2, item: "b", price: 20, tags: ["y"] },
      { _id: 3, item: "a", price: 5, tags: [] },
      { _id: 4, item: "c", price: 7.5 },
    ] as unknown as mongo.Document[]);
  });
  after(() => subject.close());

  const run = (pipeline: Plain[]): Promise<mongo.Document[]> => sales.aggregate(pipeline).toArray();

  const whole = { _id: 4, item: "c", price: 7.5 };
  const pipelines: [string, Plain[], unknown[]][] = [
    ["$match filters", [{ $match: { price: 7.5 } }], [whole]],
    ["$match after another stage filters what is left", [{ $skip: 3 }, { $match: { item: "c" } }], [whole]],
    ["$skip and $limit cut", [{ $match: { price: { $gt: 6 } } }, { $skip: 2 }, { $limit: 5 }], [whole]],
    ["$limit before $skip leaves less", [{ $limit: 2 }, { $skip: 1 }, { $count: "n" }], [{ n: 1 }]],
    ["$count counts under the name it is given", [{ $match: { item: "a" } }, { $count: "found" }], [{ found: 2 }]],
    ["$count of nothing gives nothing", [{ $match: { item: "z" } }, { $count: "found" }], []],
    [
      "$group by a constant counts",
      [{ $match: { tags: "y" } }, { $group: { _id: 1, n: { $sum: 1 } } }],
      [{ _id: 1, n: 2 }],
    ],
    ["$group by null counts", [{ $group: { _id: null, n: { $sum: 1 } } }], [{ _id: null, n: 4 }]],
    ["$group of nothing gives nothing", [{ $match: { item: "z" } }, { $group: { _id: 1, n: { $sum: 1 } } }], []],
    ["stages follow a count", [{ $count: "n" }, { $match: { n: { $gt: 3 } } }], [{ n: 4 }]],
  ];
  for (const [title, pipeline, expected] of pipelines) {
    it(title, async () => {
      expect(await run(pipeline)).to.deep.equal(expected);
    });
  }

  it("an empty pipeline gives every document", async () => {
    expect((await run([])).map(({ _id }) => _id as number)).to.have.members([1, 2, 3, 4]);
  });

  it("a collection that does not exist counts as empty", async () => {
    expect(await subject.fresh().countDocuments()).to.equal(0);
    expect(
      await subject
        .fresh()
        .aggregate([{ $match: { a: 1 } }])
        .toArray(),
    ).to.deep.equal([]);
  });

  it("countDocuments takes a filter, skip, limit and hint", async () => {
    const things = subject.fresh();
    await addIndex(things, { n: 1 });
    await things.insertMany(Array.from({ length: 30 }, (_, n) => ({ n })));
    const filter = { n: { $gte: 10 } };
    expect(await things.countDocuments(filter)).to.equal(20);
    expect(await things.countDocuments(filter, { skip: 15, limit: 10, hint: "n_1" })).to.equal(5);
    expect(await things.countDocuments(filter, { skip: 25 })).to.equal(0);
    expect((await rejectionOf(things.countDocuments(filter, { hint: "m_1" }))).code).to.equal(2);
  });

  it("brings results in batches", async () => {
    const things = subject.fresh();
    await things.insertMany(Array.from({ length: 300 }, (_, i) => ({ i })));
    const found = await things.aggregate([{ $match: { i: { $gte: 0 } } }], { batchSize: 11 }).toArray();
    expect(found.map(({ i }) => i as number).sort((a, b) => a - b)).to.deep.equal(
      Array.from({ length: 300 }, (_, i) => i),
    );
  });

  const refused: [string, Plain[], number][] = [
    ["an unknown stage", [{ $foo: {} }], 40324],
    ["a stage of two names", [{ $match: {}, $limit: 1 }], 40323],
    ["a stage without a name", [{}], 40323],
    ["$match without a document", [{ $match: 1 }], 15959],
    ["an unknown operator in $match", [{ $match: { a: { $foo: 1 } } }], 2],
    ["$limit of nothing", [{ $limit: 0 }], 15958],
    ["$count into no name", [{ $count: "" }], 40157],
    ["$count into a path", [{ $count: "a.b" }], 40160],
    ["$group without _id", [{ $group: { n: { $sum: 1 } } }], 15955],
    ["an unknown accumulator", [{ $group: { _id: 1, n: { $foo: 1 } } }], 15952],
    ["two accumulators of one field", [{ $group: { _id: 1, n: { $sum: 1, $max: 1 } } }], 40238],
  ];
  for (const [what, pipeline, code] of refused) {
    it(`${what} is refused (${code})`, async () => {
      expect((await rejectionOf(run(pipeline))).code).to.equal(code);
    });
  }

  it("an unknown field of the cursor option is refused", async () => {
    const act = subject.db.command({ aggregate: sales.collectionName, pipeline: [], cursor: { foo: 1 } });
    expect((await rejectionOf(act)).code).to.be.oneOf([9, 40415]);
  });
});
