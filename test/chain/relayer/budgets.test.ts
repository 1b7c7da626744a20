import { expect } from "chai";
import { type Budgets, createBudgets } from "../../../chain/relayer/budgets";
import type { SpendingPolicy } from "../../../chain/relayer/policy";
import { connectMongo, ensureIndexes, type Mongo } from "../../../core/mongo";
import { testMongoUri } from "../../support/servers";

const POLICY: SpendingPolicy = {
  gasCaps: {},
  maxFeePerGas: 1n,
  dailyGas: { wallet: 300_000, user: 1_000_000, issuer: 1_000_000, all: 2_000_000 },
  backoffSeconds: 600,
};
const ALICE = { kind: "user", id: "alice" } as const;
const WALLET = { kind: "wallet", id: "0xa" } as const;

describe("the relayer's budgets", () => {
  let mongo: Mongo;
  let now: Date;

  before(async () => {
    mongo = await connectMongo({ uri: testMongoUri("relayer_budgets"), name: "test" });
  });
  beforeEach(async () => {
    now = new Date("2026-11-21T12:00:00Z");
    await mongo.dropDatabase();
    budgets();
    await ensureIndexes(mongo);
  });
  after(async () => {
    await mongo.dropDatabase();
    await mongo.close();
  });

  function budgets(options: { stopped?: boolean } = {}): Budgets {
    const clock = { now: () => now };
    return createBudgets({ mongo, clock, scope: "31337:0x0", policy: POLICY, stopped: options.stopped ?? false });
  }

  const codeOf = (work: Promise<unknown>) =>
    work.then(
      () => "paid",
      (error: unknown) => (error as { code: string }).code,
    );

  it("are not exceeded by 64 takers in 4 processes, each of which takes from all of its budgets or from none", async () => {
    const processes = Array.from({ length: 4 }, () => budgets());
    const codes = await Promise.all(
      Array.from({ length: 64 }, (_, index) => codeOf(processes[index % 4]!.reserve([WALLET, ALICE], 100_000n))),
    );
    expect(codes.filter((code) => code === "paid")).to.have.length(3);
    expect(new Set(codes)).to.deep.equal(new Set(["paid", "relayer.budget_used_up"]));
    expect(await budgets().gasToday()).to.equal(300_000);
    // What the wallet's budget refused was given back to nobody's cost: the user's has seven parts of ten left.
    expect(await codeOf(budgets().reserve([ALICE], 700_000n))).to.equal("paid");
    expect(await codeOf(budgets().reserve([ALICE], 1n))).to.equal("relayer.budget_used_up");
  });

  it("refuse with the seconds until midnight UTC, and begin anew then", async () => {
    await budgets().reserve([WALLET], 300_000n);
    const refused = await budgets()
      .requirePayable([WALLET])
      .catch((error: unknown) => error);
    expect(refused).to.include({ code: "relayer.budget_used_up", retryAfterSeconds: 12 * 60 * 60 });
    now = new Date("2026-11-22T00:00:00Z");
    expect(await codeOf(budgets().requirePayable([WALLET]))).to.equal("paid");
    const racing = Array.from({ length: 16 }, () => codeOf(budgets().reserve([WALLET], 300_000n)));
    expect((await Promise.all(racing)).filter((code) => code === "paid")).to.have.length(1);
  });

  it("get back what a transaction did not use, and everything of one that was not made", async () => {
    const charges = await budgets().reserve([WALLET], 200_000n);
    await budgets().settle(charges, 50_000n);
    expect(await budgets().gasToday()).to.equal(50_000);
    await budgets().release(await budgets().reserve([WALLET], 250_000n));
    expect(await codeOf(budgets().reserve([WALLET], 250_000n))).to.equal("paid");
  });

  it("of all together ends the day for everybody", async () => {
    await budgets().reserve([], 1_900_000n);
    expect(await codeOf(budgets().reserve([ALICE], 200_000n))).to.equal("relayer.day_budget_used_up");
    expect(await codeOf(budgets().reserve([ALICE], 100_000n))).to.equal("paid");
    expect(await codeOf(budgets().requirePayable([WALLET]))).to.equal("relayer.day_budget_used_up");
  });

  it("wait after a revert, twice as long after the second, and not after a success", async () => {
    const charges = await budgets().reserve([WALLET, ALICE], 1_000n);
    for (const [waited, seconds] of [
      [0, 600],
      [600, 1_200],
    ] as const) {
      now = new Date(now.getTime() + waited * 1000);
      await budgets().backOff(charges);
      for (const beneficiary of [WALLET, ALICE]) {
        const refused = await budgets()
          .reserve([beneficiary], 1_000n)
          .catch((error: unknown) => error);
        expect(refused).to.include({ code: "relayer.backing_off", retryAfterSeconds: seconds });
      }
    }
    await budgets().clearReverts(charges);
    expect(await codeOf(budgets().reserve([WALLET, ALICE], 1_000n))).to.equal("paid");
  });

  it("are closed by the stop switch in every process at once, and by the configuration", async () => {
    const [one, other] = [budgets(), budgets()];
    expect(await one.stopReason()).to.equal(null);
    await one.setStopped(true, "fees");
    expect(await other.stopReason()).to.equal("an operator stopped it: fees");
    expect(await codeOf(other.reserve([ALICE], 1_000n))).to.equal("relayer.stopped");
    expect(await codeOf(other.requirePayable([ALICE]))).to.equal("relayer.stopped");
    await other.setStopped(false, "");
    expect(await codeOf(one.reserve([ALICE], 1_000n))).to.equal("paid");
    expect(await codeOf(budgets({ stopped: true }).reserve([ALICE], 1_000n))).to.equal("relayer.stopped");
  });
});
