import { expect } from "chai";
import { backoffAfter, capFees, dayOf, gasCapOf, nextDay, unusedOf } from "../../../chain/relayer/policy";

const GWEI = 10n ** 9n;

describe("the relayer's policy", () => {
  it("caps a kind's gas by its name, and every other kind's", () => {
    expect(gasCapOf({ gasCaps: { control: 700_000 } }, "control")).to.equal(700_000n);
    expect(gasCapOf({ gasCaps: { control: 700_000 } }, "another")).to.equal(1_000_000n);
  });

  it("bids no more than the ceiling, and nothing where the base fee and the tip are above it", () => {
    const fees = { market: "eip1559" as const, maxFeePerGas: 61n * GWEI, maxPriorityFeePerGas: GWEI };
    expect(capFees(fees, 100n * GWEI)).to.equal(fees);
    expect(capFees(fees, 40n * GWEI)).to.deep.equal({ ...fees, maxFeePerGas: 40n * GWEI });
    expect(capFees(fees, 31n * GWEI)).to.deep.equal({ ...fees, maxFeePerGas: 31n * GWEI });
    expect(capFees(fees, 31n * GWEI - 1n)).to.equal(null);
    expect(capFees({ market: "legacy", gasPrice: 5n }, 5n)).to.deep.equal({ market: "legacy", gasPrice: 5n });
    expect(capFees({ market: "legacy", gasPrice: 6n }, 5n)).to.equal(null);
  });

  it("begins budgets anew at midnight UTC", () => {
    const late = new Date("2026-12-31T23:59:59.999Z");
    expect([dayOf(late), nextDay(late).toISOString()]).to.deep.equal(["2026-12-31", "2027-01-01T00:00:00.000Z"]);
  });

  it("doubles the wait after each revert in a row, up to a day", () => {
    const waits = [1, 2, 3, 7, 8, 20].map((reverts) => backoffAfter({ backoffSeconds: 600 }, reverts));
    expect(waits).to.deep.equal([600, 1_200, 2_400, 38_400, 76_800, 86_400]);
  });

  it("gives back the share of a reservation that the transaction did not use", () => {
    expect(unusedOf(120_000, { used: 85_000n, reserved: 120_000n })).to.equal(35_000);
    expect(unusedOf(60_000, { used: 90_000n, reserved: 120_000n })).to.equal(15_000);
    expect(unusedOf(60_000, { used: 0n, reserved: 120_000n })).to.equal(60_000);
    expect(unusedOf(60_000, { used: 180_000n, reserved: 120_000n })).to.equal(-30_000);
  });
});
