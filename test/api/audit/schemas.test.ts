import { expect } from "chai";
import { showFreshness } from "../../../api/audit/schemas";

describe("the index's freshness, as it goes out", () => {
  const freshness = {
    blockNumber: 20,
    blockHash: `0x${"b".repeat(64)}`,
    minedAt: new Date("2026-11-21T12:20:30Z"),
    headNumber: 21,
    headSeenAt: new Date("2026-11-21T12:20:31Z"),
    verifiedNumber: 20,
    incompleteBlocks: [],
  };

  it("names the last finalized block, and none where there is none", () => {
    expect(showFreshness({ ...freshness, finalizedNumber: 0 })?.finalizedNumber).to.equal(0);
    expect(showFreshness({ ...freshness, finalizedNumber: -1 })?.finalizedNumber).to.equal(null);
    expect(showFreshness(null)).to.equal(null);
  });
});
