import { expect } from "chai";
import { type Mongo, rawCollection } from "../../core/mongo";
import { batchFindById } from "../../core/batchFindById";
import { testMongo } from "../support/servers";

interface Thing {
  _id: string;
  value: number;
  weight?: string;
}

describe("reading by id", () => {
  let mongo: Mongo;

  before(async () => {
    mongo = await testMongo("read_by_id");
    const things = Array.from({ length: 100 }, (_, value) => ({ _id: `thing-${value}`, value }));
    await rawCollection<Thing>(mongo, "things").insertMany(things);
  });

  after(async () => {
    await mongo.dropDatabase();
    await mongo.close();
  });

  const read = (id: string) => batchFindById<Thing>(mongo, "things", id);

  it("gives every caller its own document, however many ask at once", async () => {
    const ids = Array.from({ length: 500 }, (_, index) => `thing-${index % 100}`);
    const found = await Promise.all(ids.map(read));
    expect(found.map((thing) => thing?._id)).to.deep.equal(ids);
    expect(new Set(found).size).to.equal(500);
  });

  it("gives null where there is none, alone and among others", async () => {
    expect(await read("nothing")).to.equal(null);
    const found = await Promise.all(["thing-1", "nothing", "thing-2"].map(read));
    expect(found.map((thing) => thing?.value ?? null)).to.deep.equal([1, null, 2]);
  });

  it("keeps collections apart", async () => {
    await rawCollection<Thing>(mongo, "others").insertOne({ _id: "thing-1", value: -1 });
    const [thing, other] = await Promise.all([read("thing-1"), batchFindById<Thing>(mongo, "others", "thing-1")]);
    expect([thing?.value, other?.value]).to.deep.equal([1, -1]);
  });

  it("shows what was written before the call", async () => {
    const things = rawCollection<Thing>(mongo, "things");
    for (let value = 1000; value < 1020; value += 1) {
      await things.updateOne({ _id: "thing-7" }, { $set: { value } });
      const found = await Promise.all([read("thing-7"), read("thing-8"), read("thing-7")]);
      expect(found.map((thing) => thing?.value)).to.deep.equal([value, 8, value]);
    }
  });

  it("loses none of many large documents that do not fit in one answer", async () => {
    const weight = "x".repeat(1_000_000);
    const ids = Array.from({ length: 20 }, (_, index) => `large-${index}`);
    await rawCollection<Thing>(mongo, "things").insertMany(ids.map((_id, value) => ({ _id, value, weight })));
    const found = await Promise.all(ids.map(read));
    expect(found.map((thing) => thing?._id)).to.deep.equal(ids);
  });

  it("refuses every caller when the database is away", async () => {
    const away = await testMongo("read_by_id_away");
    await away.close();
    const outcomes = await Promise.allSettled(["a", "b"].map((id) => batchFindById(away, "things", id)));
    expect(outcomes.map(({ status }) => status)).to.deep.equal(["rejected", "rejected"]);
  });
});
