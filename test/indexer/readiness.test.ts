import { expect } from "chai";
import type { CheckpointDocument } from "../../projection/models";
import { parseCommand } from "../../indexer/commands/parse";
import type { Activity } from "../../indexer/activity";
import { assessHealth } from "../../indexer/readiness";
import { formatSeconds } from "../../indexer/sync/progress";

const now = new Date("2026-01-01T00:10:00Z");
const ago = (seconds: number) => new Date(now.getTime() - seconds * 1000);

function checkpoint(
  indexed: number,
  minedAgo: number,
  head: number,
  seenAgo: number,
  verified = indexed,
): CheckpointDocument {
  return {
    indexed: { number: indexed, hash: "0x1", minedAt: ago(minedAgo) },
    head: { number: head, hash: "0x2", minedAt: ago(0), seenAt: ago(seenAgo) },
    verifiedNumber: verified,
    lease: { holder: "this", term: 1, expiresAt: ago(-5) },
  } as CheckpointDocument;
}

const leading: Activity = { role: "leading", problem: null };
const assess = (found: CheckpointDocument | null, activity = leading) =>
  assessHealth(found, { now, maxLagSeconds: 60, activity });

describe("the indexer's readiness", () => {
  it("is given on a chain that mines nothing but answers", () => {
    expect(assess(checkpoint(5, 3_600, 5, 2))).to.deep.include({ problems: [], lagBlocks: 0, lagSeconds: 0 });
  });

  it("is not given when blocks are missing for longer than allowed", () => {
    const found = assess(checkpoint(5, 61, 9, 2));
    expect(found).to.deep.include({ lagBlocks: 4, lagSeconds: 61 });
    expect(found.problems).to.deep.equal(["4 blocks behind the chain"]);
  });

  it("is given while a short gap is being closed", () => {
    expect(assess(checkpoint(5, 59, 9, 2)).problems).to.deep.equal([]);
  });

  it("is not given when the chain does not answer, though the process lives", () => {
    expect(assess(checkpoint(5, 10, 5, 61)).problems).to.deep.equal(["no answer from the chain for 61 s"]);
  });

  it("is not given when old blocks are not verified", () => {
    expect(assess(checkpoint(5, 61, 5, 2, 4)).problems).to.deep.equal(["verified up to block 4 only"]);
  });

  it("is not given before anything is indexed", () => {
    expect(assess(null).problems).to.deep.equal(["nothing is indexed yet"]);
  });

  it("is not given when the chain's newest block is below the index, unless it is as new as nodes may differ", () => {
    const problem = "the chain's newest block is 4, below the index at block 5";
    expect(assess(checkpoint(5, 11, 4, 2)).problems).to.deep.equal([problem]);
    expect(assess(checkpoint(5, 9, 4, 2)).problems).to.deep.equal([]);
  });

  it("is not given when nobody leads, to a standby either", () => {
    const lease = { holder: "gone", term: 1, expiresAt: ago(0) };
    const standby = assess({ ...checkpoint(5, 1, 5, 2), lease }, { role: "standing by", problem: null });
    expect(standby).to.deep.include({ problems: ["no indexer leads"], leading: false, standingBy: true });
  });

  it("is not given when something keeps the process from leading, and says what", () => {
    const problem = "waiting for the chain: HTTP 429";
    expect(assess(checkpoint(5, 1, 5, 2), { role: "starting", problem }).problems).to.deep.equal([problem]);
    expect(assess(null, { role: "starting", problem }).problems).to.deep.equal([problem, "nothing is indexed yet"]);
  });
});

describe("the indexer's commands", () => {
  it("are read from the arguments", () => {
    expect(parseCommand([])).to.deep.equal({ name: "follow", reindexOnReset: false });
    expect(parseCommand(["--reindex-on-reset"])).to.deep.equal({ name: "follow", reindexOnReset: true });
    expect(parseCommand(["audit"])).to.deep.equal({ name: "audit" });
    expect(parseCommand(["reindex", "--from", "12"])).to.deep.equal({ name: "reindex", fromBlock: 12 });
  });

  for (const argv of [
    ["nonsense"],
    ["audit", "now"],
    ["reindex"],
    ["reindex", "--from", "-1"],
    ["reindex", "--from"],
  ]) {
    it(`are explained when they are not understood: ${argv.join(" ")}`, () => {
      expect(parseCommand(argv)).to.be.a("string").that.includes("Usage");
    });
  }

  it("tell times as people do", () => {
    expect([5, 75, 3_700].map(formatSeconds)).to.deep.equal(["5 s", "1 min 15 s", "1 h 1 min"]);
  });
});
