import { loadFixture, time } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import { encodeBytes32String, ZeroAddress } from "ethers";
import { credIdOf, emptyRegistry, FOREVER, register, STATUS_ROLE, usedRegistry } from "./support/registry";

const OTHER_ROLE = encodeBytes32String("assertionMethod");

describe("delegates", () => {
  it("are announced with role and end, and can be asked for", async () => {
    const { registry, holder, delegate } = await loadFixture(usedRegistry);
    const expiresAt = (await time.latest()) + 100;
    await expect(registry.addDelegate(holder.address, OTHER_ROLE, delegate.address, expiresAt))
      .to.emit(registry, "DelegateAdded")
      .withArgs(holder.address, OTHER_ROLE, delegate.address, expiresAt, 2);
    expect(await registry.delegateExpiresAt(holder.address, OTHER_ROLE, delegate.address)).to.equal(expiresAt);
    expect(await registry.isDelegate(holder.address, OTHER_ROLE, delegate.address)).to.equal(true);
    expect(await registry.isDelegate(holder.address, STATUS_ROLE, delegate.address)).to.equal(false);
  });

  it("with the status role change statuses to the second before their end, and not at it", async () => {
    const { registry, holder, delegate } = await loadFixture(usedRegistry);
    const expiresAt = (await time.latest()) + 1000;
    await registry.addDelegate(holder.address, STATUS_ROLE, delegate.address, expiresAt);
    const asDelegate = registry.connect(delegate);
    await time.setNextBlockTimestamp(expiresAt - 1);
    await asDelegate.setCredentialStatus(credIdOf(holder, 1), true);
    expect(await registry.isDelegate(holder.address, STATUS_ROLE, delegate.address)).to.equal(true);
    await time.setNextBlockTimestamp(expiresAt);
    await expect(asDelegate.setCredentialStatus(credIdOf(holder, 2), true))
      .to.be.revertedWithCustomError(registry, "NotStatusAuthority")
      .withArgs(holder.address, delegate.address);
    await time.increaseTo(expiresAt + 1);
    expect(await registry.isDelegate(holder.address, STATUS_ROLE, delegate.address)).to.equal(false);
    expect(await registry.isCredentialRevoked(credIdOf(holder, 2))).to.equal(false);
  });

  it("with another role change no status", async () => {
    const { registry, holder, delegate } = await loadFixture(usedRegistry);
    await registry.addDelegate(holder.address, OTHER_ROLE, delegate.address, FOREVER);
    await expect(
      registry.connect(delegate).setCredentialStatus(credIdOf(holder, 1), true),
    ).to.be.revertedWithCustomError(registry, "NotStatusAuthority");
  });

  it("with the status role have no other power over the identity", async () => {
    const { registry, issuer, delegate } = await loadFixture(usedRegistry);
    const asDelegate = registry.connect(delegate);
    for (const write of [
      () => asDelegate.deactivateDID(issuer.address),
      () => asDelegate.changeController(issuer.address, delegate.address),
      () => asDelegate.addDelegate(issuer.address, OTHER_ROLE, delegate.address, FOREVER),
      () => asDelegate.burnNonce(issuer.address, 0),
    ]) {
      await expect(write())
        .to.be.revertedWithCustomError(registry, "NotController")
        .withArgs(issuer.address, delegate.address);
    }
  });

  it("of one issuer change no status of another", async () => {
    const { registry, holder, delegate } = await loadFixture(usedRegistry);
    await expect(registry.connect(delegate).setCredentialStatus(credIdOf(holder, 1), true))
      .to.be.revertedWithCustomError(registry, "NotStatusAuthority")
      .withArgs(holder.address, delegate.address);
  });

  it("lose their role at once when it is revoked", async () => {
    const { registry, issuer, delegate } = await loadFixture(usedRegistry);
    await expect(registry.connect(issuer).revokeDelegate(issuer.address, STATUS_ROLE, delegate.address))
      .to.emit(registry, "DelegateRevoked")
      .withArgs(issuer.address, STATUS_ROLE, delegate.address, 3);
    expect(await registry.delegateExpiresAt(issuer.address, STATUS_ROLE, delegate.address)).to.equal(0);
    await expect(registry.connect(delegate).suspendCredential(credIdOf(issuer, 1))).to.be.revertedWithCustomError(
      registry,
      "NotStatusAuthority",
    );
  });

  it("can be given another end, sooner or later", async () => {
    const { registry, issuer, delegate } = await loadFixture(usedRegistry);
    const soon = (await time.latest()) + 50;
    await registry.connect(issuer).addDelegate(issuer.address, STATUS_ROLE, delegate.address, soon);
    await time.increaseTo(soon);
    expect(await registry.isDelegate(issuer.address, STATUS_ROLE, delegate.address)).to.equal(false);
    await registry.connect(issuer).addDelegate(issuer.address, STATUS_ROLE, delegate.address, FOREVER);
    expect(await registry.isDelegate(issuer.address, STATUS_ROLE, delegate.address)).to.equal(true);
    expect((await registry.resolveDID(issuer.address)).version).to.equal(4);
  });

  it("cost no event when nothing would change", async () => {
    const { registry, issuer, delegate } = await loadFixture(usedRegistry);
    await expect(
      registry.connect(issuer).addDelegate(issuer.address, STATUS_ROLE, delegate.address, FOREVER),
    ).not.to.emit(registry, "DelegateAdded");
    expect((await registry.resolveDID(issuer.address)).version).to.equal(2);
  });

  it("cannot be revoked when there is none", async () => {
    const { registry, holder, delegate } = await loadFixture(usedRegistry);
    await expect(registry.revokeDelegate(holder.address, STATUS_ROLE, delegate.address))
      .to.be.revertedWithCustomError(registry, "DelegateNotFound")
      .withArgs(holder.address, STATUS_ROLE, delegate.address);
  });

  it("cannot be the zero address, nor end now or before", async () => {
    const { registry, holder, delegate } = await loadFixture(usedRegistry);
    await expect(registry.addDelegate(holder.address, STATUS_ROLE, ZeroAddress, FOREVER)).to.be.revertedWithCustomError(
      registry,
      "ZeroAddress",
    );
    const now = (await time.latest()) + 10;
    for (const expiresAt of [now, now - 1]) {
      await time.setNextBlockTimestamp(Math.max(now, (await time.latest()) + 1));
      await expect(
        registry.addDelegate(holder.address, STATUS_ROLE, delegate.address, expiresAt),
      ).to.be.revertedWithCustomError(registry, "DelegationAlreadyExpired");
    }
  });

  it("stay when the controller changes, and end with the identity", async () => {
    const { registry, issuer, delegate, stranger } = await loadFixture(usedRegistry);
    await registry.connect(issuer).changeController(issuer.address, stranger.address);
    expect(await registry.isDelegate(issuer.address, STATUS_ROLE, delegate.address)).to.equal(true);
    await registry.connect(delegate).setCredentialStatus(credIdOf(issuer, 1), true);
    await registry.connect(stranger).deactivateDID(issuer.address);
    expect(await registry.isDelegate(issuer.address, STATUS_ROLE, delegate.address)).to.equal(false);
  });

  it("are none of an identity that is not registered", async () => {
    const { registry, holder, delegate } = await loadFixture(emptyRegistry);
    expect(await registry.isDelegate(holder.address, STATUS_ROLE, delegate.address)).to.equal(false);
    await register(registry, holder);
    expect(await registry.isDelegate(holder.address, STATUS_ROLE, delegate.address)).to.equal(false);
  });
});
