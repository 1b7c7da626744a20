import { loadFixture } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import { id, ZeroHash } from "ethers";
import { networkAccount } from "./support/accounts";
import { consentTo } from "./support/consents";
import { eventTexts, textOf } from "./support/outcome";
import {
  ANCHOR_ROLE,
  didOf,
  DOCUMENT_HASH,
  FOREVER,
  OTHER_ROLE,
  STATUS_ROLE,
  URI,
  usedRegistry,
} from "./support/registry";

const grant = (version: bigint) => version << 64n;

describe("the nonce of a signer", () => {
  it("is the controller's for any role, and a delegate's own for its role", async () => {
    const { registry, issuer, delegate } = await loadFixture(usedRegistry);
    const { address } = issuer;
    for (const role of [ZeroHash, STATUS_ROLE, OTHER_ROLE]) {
      expect(await registry.nonceOfSigner(address, role, address)).to.equal(0);
    }
    expect(await registry.nonceOfSigner(address, STATUS_ROLE, delegate.address)).to.equal(grant(2n));
    expect(await registry.nonceOfSigner(address, ANCHOR_ROLE, delegate.address)).to.equal(grant(3n));
    await registry.connect(issuer).changeController(address, delegate.address);
    expect(await registry.nonceOfSigner(address, STATUS_ROLE, delegate.address)).to.equal(grant(4n));
  });

  it("is none for who has no power", async () => {
    const { registry, issuer, delegate, stranger } = await loadFixture(usedRegistry);
    for (const [role, account] of [
      [STATUS_ROLE, stranger],
      [OTHER_ROLE, delegate],
    ] as const) {
      await expect(registry.nonceOfSigner(issuer.address, role, account.address))
        .to.be.revertedWithCustomError(registry, "NotAuthorized")
        .withArgs(issuer.address, role, account.address);
    }
  });
});

describe("cancelling nonces", () => {
  it("makes every consent before the next nonce worthless", async () => {
    const { registry, issuer, relayer } = await loadFixture(usedRegistry);
    const write = { name: "anchorDigest", identity: issuer.address, digest: id("a digest") } as const;
    const consents = await Promise.all(
      [0n, 4n, 5n].map((nonce) => consentTo(registry, write, networkAccount(issuer), { nonce })),
    );
    await expect(registry.connect(issuer).cancelNonces(issuer.address, ZeroHash, 5))
      .to.emit(registry, "NoncesCancelled")
      .withArgs(issuer.address, issuer.address, 0, 5);
    const asRelayer = registry.connect(relayer);
    for (const by of consents.slice(0, 2)) {
      await expect(asRelayer.anchorDigestWithConsent(issuer.address, write.digest, by))
        .to.be.revertedWithCustomError(registry, "NonceMismatch")
        .withArgs(issuer.address, issuer.address, by.nonce, 5);
    }
    const [, , last] = consents;
    if (!last) throw new Error("There are three.");
    await asRelayer.anchorDigestWithConsent(issuer.address, write.digest, last);
    expect((await registry.resolveDID(issuer.address)).nonce).to.equal(6);
  });

  it("goes 1 to 65,536 ahead", async () => {
    const { registry, holder } = await loadFixture(usedRegistry);
    await registry.cancelNonces(holder.address, ZeroHash, 3);
    for (const nextNonce of [0n, 2n, 3n, 3n + 65_537n, grant(1n), grant(1n) + 4n, 2n ** 256n - 1n]) {
      await expect(registry.cancelNonces(holder.address, ZeroHash, nextNonce))
        .to.be.revertedWithCustomError(registry, "NonceMismatch")
        .withArgs(holder.address, holder.address, nextNonce, 3);
    }
    await registry.cancelNonces(holder.address, ZeroHash, 4);
    await registry.cancelNonces(holder.address, ZeroHash, 4 + 65_536);
    expect((await registry.resolveDID(holder.address)).nonce).to.equal(4 + 65_536);
  });

  it("is the controller's for its own nonces, before the registration too", async () => {
    const { registry, holder, stranger, relayer } = await loadFixture(usedRegistry);
    await expect(registry.connect(stranger).cancelNonces(holder.address, STATUS_ROLE, 1))
      .to.be.revertedWithCustomError(registry, "NotAuthorized")
      .withArgs(holder.address, STATUS_ROLE, stranger.address);
    const write = {
      name: "registerDID",
      did: didOf(stranger.address),
      documentUri: URI,
      documentHash: DOCUMENT_HASH,
    } as const;
    const by = await consentTo(registry, write, networkAccount(stranger));
    await registry.connect(stranger).cancelNonces(stranger.address, ZeroHash, 1);
    await expect(registry.connect(relayer).registerDIDWithConsent(write.did, URI, DOCUMENT_HASH, by))
      .to.be.revertedWithCustomError(registry, "NonceMismatch")
      .withArgs(stranger.address, stranger.address, 0, 1);
    await registry.changeController(holder.address, stranger.address);
    await expect(registry.cancelNonces(holder.address, ZeroHash, 1)).to.be.revertedWithCustomError(
      registry,
      "NotAuthorized",
    );
    await registry.connect(stranger).cancelNonces(holder.address, ZeroHash, grant(2n) + 1n);
  });

  it("is a delegate's for its own nonces of the role, and moves nobody else's", async () => {
    const { registry, issuer, delegate } = await loadFixture(usedRegistry);
    const asDelegate = registry.connect(delegate);
    await expect(asDelegate.cancelNonces(issuer.address, STATUS_ROLE, grant(2n) + 4n))
      .to.emit(registry, "NoncesCancelled")
      .withArgs(issuer.address, delegate.address, grant(2n), grant(2n) + 4n);
    expect(await registry.nonceOfSigner(issuer.address, STATUS_ROLE, delegate.address)).to.equal(grant(2n) + 4n);
    expect(await registry.nonceOfSigner(issuer.address, ANCHOR_ROLE, delegate.address)).to.equal(grant(3n));
    expect((await registry.resolveDID(issuer.address)).nonce).to.equal(0);
    await expect(asDelegate.cancelNonces(issuer.address, STATUS_ROLE, grant(3n) + 5n))
      .to.be.revertedWithCustomError(registry, "NonceMismatch")
      .withArgs(issuer.address, delegate.address, grant(3n) + 5n, grant(2n) + 4n);
    await expect(asDelegate.cancelNonces(issuer.address, OTHER_ROLE, 1))
      .to.be.revertedWithCustomError(registry, "NotAuthorized")
      .withArgs(issuer.address, OTHER_ROLE, delegate.address);
  });

  it("by a delegate of any role changes nothing but its nonce", async () => {
    const { registry, issuer, stranger } = await loadFixture(usedRegistry);
    await registry.connect(issuer).addDelegate(issuer.address, OTHER_ROLE, stranger.address, FOREVER);
    await registry.connect(stranger).cancelNonces(issuer.address, OTHER_ROLE, grant(4n) + 65_536n);
    expect(await registry.delegateExpiresAt(issuer.address, OTHER_ROLE, stranger.address)).to.equal(FOREVER);
    expect(await registry.isDelegate(issuer.address, OTHER_ROLE, stranger.address)).to.equal(true);
    expect((await registry.resolveDID(issuer.address)).version).to.equal(4);
  });

  it("by consent consumes the consent's own nonce first, which can be all", async () => {
    const { registry, issuer, relayer } = await loadFixture(usedRegistry);
    const identity = issuer.address;
    const send = async (nextNonce: bigint) => {
      const write = { name: "cancelNonces", identity, role: ZeroHash, nextNonce } as const;
      const by = await consentTo(registry, write, networkAccount(issuer));
      const sent = await registry.connect(relayer).cancelNoncesWithConsent(identity, ZeroHash, nextNonce, by);
      return eventTexts(registry.interface, (await sent.wait())?.logs ?? []);
    };
    expect(await send(1n)).to.deep.equal([textOf("NonceConsumed", [identity, identity, 0])]);
    expect(await send(5n)).to.deep.equal([
      textOf("NonceConsumed", [identity, identity, 1]),
      textOf("NoncesCancelled", [identity, identity, 2, 5]),
    ]);
    expect(await send(6n + 65_536n)).to.have.length(2);
    const current = 6n + 65_536n;
    for (const nextNonce of [current, current + 1n + 65_537n]) {
      await expect(send(nextNonce))
        .to.be.revertedWithCustomError(registry, "NonceMismatch")
        .withArgs(identity, identity, nextNonce, current + 1n);
    }
  });

  it("by a delegate's consent moves the delegate's nonce", async () => {
    const { registry, issuer, delegate, relayer } = await loadFixture(usedRegistry);
    const identity = issuer.address;
    const write = { name: "cancelNonces", identity, role: ANCHOR_ROLE, nextNonce: grant(3n) + 7n } as const;
    const by = await consentTo(registry, write, networkAccount(delegate));
    await registry.connect(relayer).cancelNoncesWithConsent(identity, ANCHOR_ROLE, write.nextNonce, by);
    expect(await registry.nonceOfSigner(identity, ANCHOR_ROLE, delegate.address)).to.equal(grant(3n) + 7n);
    expect(await registry.delegateExpiresAt(identity, ANCHOR_ROLE, delegate.address)).to.equal(FOREVER);
    expect((await registry.resolveDID(identity)).nonce).to.equal(0);
  });
});
