import { loadFixture } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import { consent } from "./support/consents";
import { usedRegistry } from "./support/registry";

describe("burning a nonce", () => {
  it("is for the controller, and for an identity that is not registered yet", async () => {
    const { registry, holder, stranger } = await loadFixture(usedRegistry);
    await expect(registry.connect(stranger).burnNonce(holder.address, 0))
      .to.be.revertedWithCustomError(registry, "NotController")
      .withArgs(holder.address, stranger.address);
    await expect(registry.burnNonce(stranger.address, 0))
      .to.be.revertedWithCustomError(registry, "NotController")
      .withArgs(stranger.address, holder.address);
    await expect(registry.connect(stranger).burnNonce(stranger.address, 0))
      .to.emit(registry, "NonceConsumed")
      .withArgs(stranger.address, stranger.address, 0);
    await registry.changeController(holder.address, stranger.address);
    await expect(registry.burnNonce(holder.address, 0)).to.be.revertedWithCustomError(registry, "NotController");
    await registry.connect(stranger).burnNonce(holder.address, 0);
  });

  it("burns the nonce that was meant, or none", async () => {
    const { registry, holder } = await loadFixture(usedRegistry);
    await registry.burnNonce(holder.address, 0);
    await expect(registry.burnNonce(holder.address, 0))
      .to.be.revertedWithCustomError(registry, "NonceAlreadyConsumed")
      .withArgs(holder.address, 0, 1);
    await expect(registry.burnNonce(holder.address, 2))
      .to.be.revertedWithCustomError(registry, "NonceTooHigh")
      .withArgs(holder.address, 2, 1);
  });

  it("before the registration can be relayed", async () => {
    const { registry, stranger, relayer } = await loadFixture(usedRegistry);
    const message = { identity: stranger.address };
    const by = await consent({ registry, signer: stranger, type: "BurnNonce", message, identity: stranger.address });
    await registry.connect(relayer).burnNonceFor(stranger.address, by);
    expect(await registry.nonceOf(stranger.address)).to.equal(1);
  });
});
