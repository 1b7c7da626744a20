import { expect } from "chai";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { breaches, readSources, type Source } from "./support/importScan";

const ROOT = join(__dirname, "..");
const ROOMS = ["core", "chain", "projection", "process", "indexer", "api", "embedded", "scripts", "test"].filter(
  (room) => existsSync(join(ROOT, room)),
);

function dependencies(): string[] {
  const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { dependencies: object };
  return Object.keys(manifest.dependencies);
}

function breachesOf(...sources: Source[]): string[] {
  return breaches(sources, ["express", "mongoose"]);
}

describe("architecture", () => {
  it("keeps every rule of the house", () => {
    const found = breaches(readSources(ROOT, ROOMS), dependencies());
    expect(found).to.deep.equal([]);
  });

  it("gives every slice of the api the same file names", () => {
    const known = /(^|\/)(rules|store|actions|routes|jobs)\.ts$/;
    const slices = readdirSync(join(ROOT, "api"), { withFileTypes: true }).filter(
      (entry) => entry.isDirectory() && entry.name !== "http",
    );
    for (const slice of slices) {
      const files = readdirSync(join(ROOT, "api", slice.name), { recursive: true, encoding: "utf8" });
      expect(
        files.some((file) => known.test(file)),
        `api/${slice.name} holds no file of a slice`,
      ).to.equal(true);
    }
  });

  describe("the scan notices", () => {
    it("an import between the indexer and the api", () => {
      const found = breachesOf(
        { path: "api/dids/store.ts", text: 'import { follow } from "../../indexer/follow";' },
        { path: "indexer/follow.ts", text: 'import { app } from "../api/app";' },
      );
      expect(found).to.deep.equal([
        "api/dids/store.ts imports indexer/follow.ts: api imports process, projection, chain, core",
        "indexer/follow.ts imports api/app: indexer imports process, projection, chain, core",
      ]);
    });

    it("an import between slices, of types too", () => {
      const found = breachesOf({
        path: "api/wallets/actions.ts",
        text: 'import type { Session } from "../sessions/rules";',
      });
      expect(found).to.deep.equal(["api/wallets/actions.ts imports api/sessions/rules: a slice never imports a slice"]);
    });

    it("rules that reach for a connection", () => {
      const found = breachesOf({
        path: "api/wallets/rules.ts",
        text: 'import { connectMongo } from "../../core/mongo";',
      });
      expect(found).to.deep.equal(["api/wallets/rules.ts imports core/mongo: rules are pure"]);
    });

    it("a pure part of core or chain that reaches for a connection, of types too", () => {
      const found = breachesOf({
        path: "chain/registry/consents.ts",
        text: 'import type { Chain } from "../client";',
      });
      expect(found).to.deep.equal([
        "chain/registry/consents.ts imports chain/client: what is pure builds on what is pure",
      ]);
    });

    it("actions that know HTTP, and stores that know actions", () => {
      const found = breachesOf(
        { path: "api/wallets/actions.ts", text: 'import { Reply } from "../http/endpoint";' },
        { path: "api/wallets/store.ts", text: 'import { link } from "./actions";' },
      );
      expect(found).to.have.length(2);
    });

    it("a circle, however long", () => {
      const found = breachesOf(
        { path: "core/a.ts", text: 'import "./b";' },
        { path: "core/b.ts", text: 'import "./c";' },
        { path: "core/c.ts", text: 'export { a } from "./a";' },
      );
      expect(found).to.deep.equal([
        "these files import each other in a circle: core/a.ts -> core/b.ts -> core/c.ts -> core/a.ts",
      ]);
    });

    it("the environment, the time and randomness outside their one file", () => {
      const text = "export const x = [process.env.PORT, Date.now(), new Date(), Math.random()];";
      expect(breachesOf({ path: "core/logger.ts", text })).to.deep.equal([
        "core/logger.ts reads the environment: only core/config/environment.ts does",
        "core/logger.ts reads the time: only core/clock.ts does",
        "core/logger.ts draws randomness: only core/crypto.ts does",
      ]);
      expect(breachesOf({ path: "core/logger.ts", text: "// not process.env, says the comment\n" })).to.deep.equal([]);
    });

    it("a development package in production code, and contract types outside chain/", () => {
      const found = breachesOf(
        { path: "core/mongo.ts", text: 'import mongoose from "mongoose";\nimport hre from "hardhat";' },
        { path: "core/queue.ts", text: 'import { DIDRegistry__factory } from "../typechain-types";' },
      );
      expect(found).to.deep.equal([
        "core/mongo.ts imports hardhat: production code needs packages of `dependencies` alone",
        "core/queue.ts imports typechain-types: only chain/ knows the generated contract types",
      ]);
    });
  });
});
