import { loadFixture, time } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import { ZeroAddress, ZeroHash } from "ethers";
import {
  ANCHOR_ROLE,
  credIdOf,
  DAY,
  emptyRegistry,
  FOREVER,
  NEW_URI,
  OTHER_ROLE,
  saltOf,
  STATUS_ROLE,
  usedRegistry,
} from "./support/registry";

describe("delegates", () => {
  it("are announced with role and end, and can be asked for", async () => {
    const { registry, holder, delegate } = await loadFixture(usedRegistry);
    const expiresAt = (await time.latest()) + DAY;
    await expect(registry.addDelegate(holder.address, OTHER_ROLE, delegate.address, expiresAt))
      .to.emit(registry, "DelegateAdded")
      .withArgs(holder.address, OTHER_ROLE, delegate.address, expiresAt, 2);
    expect(await registry.delegateExpiresAt(holder.address, OTHER_ROLE, delegate.address)).to.equal(expiresAt);
    expect(await registry.isDelegate(holder.address, OTHER_ROLE, delegate.address)).to.equal(true);
    expect(await registry.isDelegate(holder.address, STATUS_ROLE, delegate.address)).to.equal(false);
  });

  it("act to the second before their end, and not at it", async () => {
    const { registry, holder, delegate } = await loadFixture(usedRegistry);
    const expiresAt = (await time.latest()) + DAY;
    await registry.addDelegate(holder.address, STATUS_ROLE, delegate.address, expiresAt);
    const asDelegate = registry.connect(delegate);
    await time.setNextBlockTimestamp(expiresAt - 1);
    await asDelegate.setCredentialStatus(credIdOf(holder, 1), true);
    expect(await registry.isDelegate(holder.address, STATUS_ROLE, delegate.address)).to.equal(true);
    await time.setNextBlockTimestamp(expiresAt);
    await expect(asDelegate.setCredentialStatus(credIdOf(holder, 2), true))
      .to.be.revertedWithCustomError(registry, "NotAuthorized")
      .withArgs(holder.address, STATUS_ROLE, delegate.address);
    await time.increaseTo(expiresAt + 1);
    expect(await registry.isDelegate(holder.address, STATUS_ROLE, delegate.address)).to.equal(false);
    expect(await registry.isCredentialRevoked(credIdOf(holder, 2))).to.equal(false);
  });

  it("act by their role alone: statuses by the one, digests by the other, nothing by a third", async () => {
    const { registry, holder, delegate } = await loadFixture(usedRegistry);
    const asDelegate = registry.connect(delegate);
    const { address } = holder;
    const credId = credIdOf(holder, 1);
    const writes = {
      [STATUS_ROLE]: [
        () => asDelegate.setCredentialStatus(credId, true),
        () => asDelegate.setStatus(credId, 1, true),
        () => asDelegate.setStatusWords(address, 0, 0, [1n], true),
        () => asDelegate.setStatusMasks(address, 0, [0], [2n], true),
      ],
      [ANCHOR_ROLE]: [() => asDelegate.anchorDigest(address, ZeroHash)],
    };
    for (const held of [STATUS_ROLE, ANCHOR_ROLE, OTHER_ROLE]) {
      await registry.addDelegate(address, held, delegate.address, FOREVER);
      for (const [asked, attempts] of Object.entries(writes)) {
        for (const attempt of attempts) {
          if (asked === held) await attempt();
          else {
            await expect(attempt())
              .to.be.revertedWithCustomError(registry, "NotAuthorized")
              .withArgs(address, asked, delegate.address);
          }
        }
      }
      await registry.revokeDelegate(address, held, delegate.address);
    }
  });

  it("have no power over the identity itself", async () => {
    const { registry, issuer, delegate } = await loadFixture(usedRegistry);
    const asDelegate = registry.connect(delegate);
    for (const write of [
      () => asDelegate.updateDocument(issuer.address, NEW_URI, ZeroHash),
      () => asDelegate.changeController(issuer.address, delegate.address),
      () => asDelegate.nameSuccessor(issuer.address, saltOf(0)),
      () => asDelegate.addDelegate(issuer.address, STATUS_ROLE, delegate.address, FOREVER - 1n),
      () => asDelegate.revokeDelegate(issuer.address, STATUS_ROLE, delegate.address),
      () => asDelegate.deactivateDID(issuer.address),
    ]) {
      await expect(write())
        .to.be.revertedWithCustomError(registry, "NotController")
        .withArgs(issuer.address, delegate.address);
    }
  });

  it("of one issuer change no status of another", async () => {
    const { registry, holder, delegate } = await loadFixture(usedRegistry);
    await expect(registry.connect(delegate).setCredentialStatus(credIdOf(holder, 1), true))
      .to.be.revertedWithCustomError(registry, "NotAuthorized")
      .withArgs(holder.address, STATUS_ROLE, delegate.address);
  });

  it("lose their role at once when it is revoked, and only that", async () => {
    const { registry, issuer, delegate } = await loadFixture(usedRegistry);
    await expect(registry.connect(issuer).revokeDelegate(issuer.address, STATUS_ROLE, delegate.address))
      .to.emit(registry, "DelegateRevoked")
      .withArgs(issuer.address, STATUS_ROLE, delegate.address, 4);
    expect(await registry.delegateExpiresAt(issuer.address, STATUS_ROLE, delegate.address)).to.equal(0);
    await expect(registry.connect(delegate).setStatus(credIdOf(issuer, 1), 1, true)).to.be.revertedWithCustomError(
      registry,
      "NotAuthorized",
    );
    await registry.connect(delegate).anchorDigest(issuer.address, ZeroHash);
  });

  it("can be given another end, sooner or later", async () => {
    const { registry, issuer, delegate } = await loadFixture(usedRegistry);
    const soon = (await time.latest()) + DAY;
    await registry.connect(issuer).addDelegate(issuer.address, STATUS_ROLE, delegate.address, soon);
    await time.increaseTo(soon);
    expect(await registry.isDelegate(issuer.address, STATUS_ROLE, delegate.address)).to.equal(false);
    await registry.connect(issuer).addDelegate(issuer.address, STATUS_ROLE, delegate.address, FOREVER);
    expect(await registry.isDelegate(issuer.address, STATUS_ROLE, delegate.address)).to.equal(true);
    expect((await registry.resolveDID(issuer.address)).version).to.equal(5);
  });

  it("keep grant and nonce with another end, and start anew once the role had ended", async () => {
    const { registry, issuer, delegate } = await loadFixture(usedRegistry);
    const asIssuer = registry.connect(issuer);
    const nonce = () => registry.nonceOfSigner(issuer.address, STATUS_ROLE, delegate.address);
    await registry.connect(delegate).cancelNonces(issuer.address, STATUS_ROLE, (2n << 64n) + 9n);
    const soon = (await time.latest()) + DAY;
    await asIssuer.addDelegate(issuer.address, STATUS_ROLE, delegate.address, soon);
    expect(await nonce()).to.equal((2n << 64n) + 9n);
    await time.setNextBlockTimestamp(soon);
    await asIssuer.addDelegate(issuer.address, STATUS_ROLE, delegate.address, FOREVER);
    expect(await nonce()).to.equal(5n << 64n);
  });

  it("cost no event when nothing would change", async () => {
    const { registry, issuer, delegate } = await loadFixture(usedRegistry);
    await expect(
      registry.connect(issuer).addDelegate(issuer.address, STATUS_ROLE, delegate.address, FOREVER),
    ).not.to.emit(registry, "DelegateAdded");
    expect((await registry.resolveDID(issuer.address)).version).to.equal(3);
  });

  it("cannot be revoked when there is none, when it was revoked, or when a change of control ended it", async () => {
    const { registry, holder, issuer, delegate, stranger } = await loadFixture(usedRegistry);
    await expect(registry.revokeDelegate(holder.address, STATUS_ROLE, delegate.address))
      .to.be.revertedWithCustomError(registry, "DelegateNotFound")
      .withArgs(holder.address, STATUS_ROLE, delegate.address);
    const asIssuer = registry.connect(issuer);
    await asIssuer.revokeDelegate(issuer.address, STATUS_ROLE, delegate.address);
    await expect(asIssuer.revokeDelegate(issuer.address, STATUS_ROLE, delegate.address))
      .to.be.revertedWithCustomError(registry, "DelegateNotFound")
      .withArgs(issuer.address, STATUS_ROLE, delegate.address);
    await asIssuer.changeController(issuer.address, stranger.address);
    await expect(registry.connect(stranger).revokeDelegate(issuer.address, ANCHOR_ROLE, delegate.address))
      .to.be.revertedWithCustomError(registry, "DelegateNotFound")
      .withArgs(issuer.address, ANCHOR_ROLE, delegate.address);
  });

  it("can be revoked when they expired", async () => {
    const { registry, holder, delegate } = await loadFixture(usedRegistry);
    const expiresAt = (await time.latest()) + DAY;
    await registry.addDelegate(holder.address, STATUS_ROLE, delegate.address, expiresAt);
    await time.increaseTo(expiresAt);
    expect(await registry.delegateExpiresAt(holder.address, STATUS_ROLE, delegate.address)).to.equal(expiresAt);
    await registry.revokeDelegate(holder.address, STATUS_ROLE, delegate.address);
    expect(await registry.delegateExpiresAt(holder.address, STATUS_ROLE, delegate.address)).to.equal(0);
  });

  it("cannot be the zero address, nor end now or before", async () => {
    const { registry, holder, delegate } = await loadFixture(usedRegistry);
    await expect(registry.addDelegate(holder.address, STATUS_ROLE, ZeroAddress, FOREVER)).to.be.revertedWithCustomError(
      registry,
      "ZeroAddress",
    );
    const now = (await time.latest()) + DAY;
    for (const [moment, expiresAt] of [
      [now, now],
      [now + 1, now],
      [now + 2, 0],
    ] as const) {
      await time.setNextBlockTimestamp(moment);
      await expect(registry.addDelegate(holder.address, STATUS_ROLE, delegate.address, expiresAt))
        .to.be.revertedWithCustomError(registry, "DelegationAlreadyExpired")
        .withArgs(expiresAt, moment);
    }
    await time.setNextBlockTimestamp(now + 3);
    await registry.addDelegate(holder.address, STATUS_ROLE, delegate.address, now + 4);
  });

  it("end with the controller who gave the role, by whichever way control changes", async () => {
    const { registry, issuer, delegate, stranger } = await loadFixture(usedRegistry);
    const identity = issuer.address;
    const asIssuer = registry.connect(issuer);
    const asDelegate = registry.connect(delegate);
    await asIssuer.changeController(identity, stranger.address);
    expect(await registry.isDelegate(identity, STATUS_ROLE, delegate.address)).to.equal(false);
    expect(await registry.delegateExpiresAt(identity, STATUS_ROLE, delegate.address)).to.equal(0);
    await expect(asDelegate.setCredentialStatus(credIdOf(issuer, 1), true))
      .to.be.revertedWithCustomError(registry, "NotAuthorized")
      .withArgs(identity, STATUS_ROLE, delegate.address);
    // Nor do they come back with the controller who gave the role.
    await registry.connect(stranger).changeController(identity, identity);
    expect(await registry.isDelegate(identity, STATUS_ROLE, delegate.address)).to.equal(false);
    // The same end again is a grant of its own: the former one no longer counts.
    await expect(asIssuer.addDelegate(identity, STATUS_ROLE, delegate.address, FOREVER))
      .to.emit(registry, "DelegateAdded")
      .withArgs(identity, STATUS_ROLE, delegate.address, FOREVER, 6);
    await asDelegate.setCredentialStatus(credIdOf(issuer, 1), true);
  });

  it("end with the identity", async () => {
    const { registry, issuer, delegate } = await loadFixture(usedRegistry);
    await registry.connect(issuer).deactivateDID(issuer.address);
    expect(await registry.isDelegate(issuer.address, STATUS_ROLE, delegate.address)).to.equal(false);
    await expect(registry.connect(delegate).anchorDigest(issuer.address, ZeroHash))
      .to.be.revertedWithCustomError(registry, "IdentityDeactivated")
      .withArgs(issuer.address);
  });

  it("can be of an identity that is not registered", async () => {
    const { registry, holder, delegate } = await loadFixture(emptyRegistry);
    expect(await registry.isDelegate(holder.address, STATUS_ROLE, delegate.address)).to.equal(false);
    await registry.addDelegate(holder.address, STATUS_ROLE, delegate.address, FOREVER);
    await registry.connect(delegate).setCredentialStatus(credIdOf(holder, 1), true);
    expect(await registry.isCredentialRevoked(credIdOf(holder, 1))).to.equal(true);
  });

  it("are many, and do not touch each other", async () => {
    const { registry, holder, issuer, delegate, stranger } = await loadFixture(usedRegistry);
    await registry.addDelegate(holder.address, STATUS_ROLE, delegate.address, FOREVER - 1n);
    await registry.addDelegate(holder.address, STATUS_ROLE, stranger.address, FOREVER - 2n);
    await registry.addDelegate(holder.address, ANCHOR_ROLE, delegate.address, FOREVER - 3n);
    await registry.revokeDelegate(holder.address, STATUS_ROLE, stranger.address);
    const ends = await Promise.all([
      registry.delegateExpiresAt(holder.address, STATUS_ROLE, delegate.address),
      registry.delegateExpiresAt(holder.address, ANCHOR_ROLE, delegate.address),
      registry.delegateExpiresAt(issuer.address, STATUS_ROLE, delegate.address),
    ]);
    expect(ends).to.deep.equal([FOREVER - 1n, FOREVER - 3n, FOREVER]);
  });
});
