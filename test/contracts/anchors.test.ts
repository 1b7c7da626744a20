import { loadFixture } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import { id, ZeroHash } from "ethers";
import { ANCHOR_ROLE, STATUS_ROLE, usedRegistry } from "./support/registry";

describe("anchoring a digest", () => {
  it("is announced, counted, and stored nowhere but in the count", async () => {
    const { registry, holder } = await loadFixture(usedRegistry);
    const before = await registry.resolveDID(holder.address);
    await expect(registry.anchorDigest(holder.address, id("one")))
      .to.emit(registry, "DigestAnchored")
      .withArgs(holder.address, id("one"), 1);
    await expect(registry.anchorDigest(holder.address, id("two")))
      .to.emit(registry, "DigestAnchored")
      .withArgs(holder.address, id("two"), 2);
    const after = await registry.resolveDID(holder.address);
    expect(after.anchorSequence).to.equal(2);
    expect([after.version, after.updatedAt, after.statusSequence]).to.deep.equal([
      before.version,
      before.updatedAt,
      before.statusSequence,
    ]);
  });

  it("takes any digest, the same again too", async () => {
    const { registry, holder } = await loadFixture(usedRegistry);
    for (const [position, digest] of [id("one"), id("one"), ZeroHash].entries()) {
      await expect(registry.anchorDigest(holder.address, digest))
        .to.emit(registry, "DigestAnchored")
        .withArgs(holder.address, digest, position + 1);
    }
  });

  it("is for the controller and its delegates with the role", async () => {
    const { registry, issuer, delegate, stranger } = await loadFixture(usedRegistry);
    await registry.connect(delegate).anchorDigest(issuer.address, id("one"));
    await registry.connect(issuer).revokeDelegate(issuer.address, ANCHOR_ROLE, delegate.address);
    expect(await registry.isDelegate(issuer.address, STATUS_ROLE, delegate.address)).to.equal(true);
    for (const account of [delegate, stranger]) {
      await expect(registry.connect(account).anchorDigest(issuer.address, id("two")))
        .to.be.revertedWithCustomError(registry, "NotAuthorized")
        .withArgs(issuer.address, ANCHOR_ROLE, account.address);
    }
    await registry.connect(issuer).changeController(issuer.address, stranger.address);
    await registry.connect(stranger).anchorDigest(issuer.address, id("two"));
    expect((await registry.resolveDID(issuer.address)).anchorSequence).to.equal(2);
  });
});
