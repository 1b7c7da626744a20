import { expect } from "chai";
import { collectionViolations } from "../support/architecture/collections";
import { invented, sentences } from "../support/architecture/invented";

const found = (files: Record<string, string>) => sentences(collectionViolations(invented(files)));

const USERS = 'const schema = new Schema({}, { collection: "users" });';
const BLOCKS = 'const NAMES = { blocks: "blocks" };\nconst schema = new Schema({}, { collection });';

describe("the rule of one store a collection notices", () => {
  it("a collection that two stores declare", () => {
    expect(found({ "api/sessions/users/store.ts": USERS, "api/kyc/store.ts": `\n${USERS}` })).to.deep.equal([
      "api/kyc/store.ts:2 declares the collection users, as api/sessions/users/store.ts does. Fix: call what api/sessions/users/store.ts offers; of another slice, take it as a port",
    ]);
  });

  it("a collection of the indexer that a slice declares", () => {
    const files = { "projection/models.ts": BLOCKS, "api/dids/store.ts": USERS.replace("users", "blocks") };
    expect(found(files)).to.deep.equal([
      "api/dids/store.ts:1 declares the collection blocks, as projection/models.ts does. Fix: call what projection/models.ts offers; of another slice, take it as a port",
    ]);
  });

  it("a collection declared outside of a store", () => {
    expect(found({ "api/sessions/users.ts": USERS })).to.deep.equal([
      "api/sessions/users.ts:1 declares the collection users outside of a store. Fix: move the schema and its queries to the store.ts of a slice or sub-slice",
    ]);
  });

  for (const call of [
    'mongo.collection("users")',
    'rawCollection(mongo, "users")',
    'batchFindById(mongo, "users", {})',
  ]) {
    it(`another file that reaches into it by ${call}`, () => {
      expect(found({ "api/sessions/users/store.ts": USERS, "api/kyc/store.ts": `\n${call};` })).to.deep.equal([
        "api/kyc/store.ts:2 reaches into the collection users of api/sessions/users/store.ts. Fix: add a named query to api/sessions/users/store.ts and call that",
      ]);
      expect(found({ "api/sessions/users/store.ts": `${USERS}\n${call}` })).to.deep.equal([]);
    });
  }

  it("a projection that writes, and the API with the projection's collections in its hands", () => {
    const files = {
      "projection/queries.ts": "blocks.updateOne({}, {});",
      "api/dids/module.ts": "const { dids } = createRegistryCollections(mongo);",
      "indexer/write/writer.ts": "createRegistryCollections(mongo).blocks.updateOne({}, {});",
    };
    const fix = "Fix: read it by the named queries of projection/queries.ts; only the indexer writes it";
    expect(found(files)).to.deep.equal([
      `projection/queries.ts:1 writes the projection (updateOne). ${fix}`,
      `api/dids/module.ts:1 takes the projection's collections themselves. ${fix}`,
    ]);
  });
});
