import { expect } from "chai";
import { sweepWallets, type SweepDeps } from "../../../../api/wallets/anchoring/actions";
import { createWalletStore } from "../../../../api/wallets/store";
import { addQueuedWallet } from "../../../support/anchorings";
import { eventsOf } from "../../../support/deviceActors";
import { type Fixture, fixture } from "../../../support/fixture";

describe("an anchoring that is final", () => {
  let on: Fixture;
  before(async () => {
    on = await fixture("anchoring_told", { modules: ["wallets", "notifications"] });
  });
  after(() => on.close());

  it("is told to the user's devices once, also when the sweep dies before it is recorded", async () => {
    const wallets = createWalletStore(on.context.mongo);
    const wallet = await addQueuedWallet(on);
    const { walletAddress, did, userId } = wallet;
    await wallets.markMined(walletAddress, { transactionHash: "0xaa", blockNumber: 7 }, new Date(0));
    const registration = { transactionHash: "0xaa", blockNumber: 7 };
    const found = { state: { registration }, freshness: { finalizedNumber: 7 } };
    const deps = {
      ...on.context,
      wallets,
      projection: { findDid: () => Promise.resolve(found) },
      appendUserEvent: on.modules.notifications.ports.appendUserEvent,
    } as unknown as SweepDeps;
    const dying = {
      ...deps,
      wallets: { ...wallets, markAnchored: () => Promise.reject(new Error("killed")) },
    };
    expect(
      await sweepWallets(dying).then(
        () => "done",
        (error: unknown) => (error as Error).message,
      ),
    ).to.equal("killed");
    expect((await sweepWallets(deps)).anchored).to.equal(1);
    expect((await wallets.find(walletAddress))?.anchoring.status).to.equal("anchored");
    expect(await eventsOf(on, userId)).to.deep.equal([
      { seq: 1, type: "wallet.anchored", payload: { walletAddress, did } },
    ]);
  });
});
