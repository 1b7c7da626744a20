import { expect } from "chai";
import { join } from "node:path";
import { invented } from "./support/architecture/invented";
import { readPackages, violationsIn } from "./support/architecture/project";
import { readSources } from "./support/architecture/source";

const ROOT = join(__dirname, "..");

/** That each rule is seen to fail: test/architecture/. */
describe("the architecture", () => {
  it("is kept by every file of the project", () => {
    const sources = readSources(ROOT);
    for (const path of ["api/main.ts", "scripts/launch.cjs", "hardhat.config.ts", "test/architecture.test.ts"]) {
      expect(sources.map((source) => source.path)).to.include(path);
    }
    expect(violationsIn(sources, readPackages(ROOT))).to.deep.equal([]);
  });

  it("is checked by every rule", () => {
    const broken = {
      "core/a.ts": 'import "../chain/b";',
      "chain/b.ts": 'import "../core/a";',
      "api/dids/queries.ts": "defineEndpoint({});",
      "core/users.ts": 'new Schema({}, { collection: "users" });',
      "core/time.ts": "Date.now();",
      "scripts/start.ts": 'spawn(process.execPath, ["--import", "tsx"]);',
      "scripts/pack.ts": "f({ ...{ a } });",
      "scripts/twice.ts": "f();\n".repeat(13),
      "test/core/clocks/a.test.ts": "",
    };
    const found = violationsIn(invented(broken), { production: [], development: [] });
    expect(found.map((sentence) => sentence.split(" ").slice(0, 2).join(" "))).to.deep.equal([
      "core/a.ts:1 imports",
      "chain/b.ts:1 closes",
      "api/dids/queries.ts:1 belongs",
      "api/dids/queries.ts:1 defines",
      "core/users.ts:1 declares",
      "core/time.ts:1 reads",
      "scripts/start.ts:1 loads",
      "scripts/pack.ts:1 spreads",
      "scripts/twice.ts:2 repeats",
      "test/core/clocks/a.test.ts:1 mirrors",
    ]);
  });
});
