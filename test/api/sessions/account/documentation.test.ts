import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Fixture, fixture } from "../../../support/fixture";

describe("docs/privacy.md", () => {
  let api: Fixture;
  before(async () => {
    api = await fixture("privacy_documentation", { modules: ["sessions"] });
  });
  after(() => api.close());

  it("says of every collection what it holds", () => {
    const page = readFileSync(join(__dirname, "../../../../docs/privacy.md"), "utf8");
    const collections = Object.values(api.context.mongo.models).map(({ collection }) => collection.name);
    expect(collections).to.include.members(["users", "credentials", "chain_events"]);
    expect(collections.filter((name) => !page.includes(`\`${name}\``))).to.deep.equal([]);
  });
});
