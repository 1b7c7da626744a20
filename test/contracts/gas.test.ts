import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import hre from "hardhat";
import { GAS_CEILINGS, GAS_SHARES, type GasFigures, measureGas } from "./support/gasRun";

const SNAPSHOT = join(__dirname, "gas.snapshot.json");

describe("gas", () => {
  let figures: GasFigures;

  before(async function () {
    // Coverage runs an instrumented contract, whose gas says nothing.
    if ("__SOLIDITY_COVERAGE_RUNNING" in hre) this.skip();
    figures = await measureGas();
    if (process.env["UPDATE_GAS_SNAPSHOT"] === "1") {
      writeFileSync(SNAPSHOT, `${JSON.stringify(figures, null, 2)}\n`);
    }
  });

  it("is what the snapshot says: UPDATE_GAS_SNAPSHOT=1 writes it anew", () => {
    const snapshot = JSON.parse(readFileSync(SNAPSHOT, "utf8")) as GasFigures;
    expect(figures).to.deep.equal(snapshot);
  });

  for (const [what, ceiling] of Object.entries(GAS_CEILINGS)) {
    const share = GAS_SHARES[what] ?? 1;
    const each = share === 1 ? "" : " each";
    it(`to ${what} is at most ${(ceiling / share).toLocaleString("en")}${each}`, () => {
      expect(figures[what]).to.be.a("number").that.is.at.most(ceiling);
    });
  }

  it("is the same in every run", async () => {
    expect(await measureGas()).to.deep.equal(figures);
  });
});
