import { loadFixture, time } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import { Signature, ZeroAddress, ZeroHash } from "ethers";
import { ethers } from "hardhat";
import { consent, domainOf } from "./support/consents";
import { credIdOf, didOf, DOCUMENT_HASH, emptyRegistry, FOREVER, URI, usedRegistry } from "./support/registry";
import { CALLS, CONTROLLER_CALLS, REGISTER, STATUS_CALLS, type World } from "./support/signedCalls";

/** The order of the curve secp256k1: the other form of a signature has `s` subtracted from it. */
const SECP256K1_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

for (const call of [REGISTER, ...CALLS]) {
  const signerOf = (world: World) => (call === REGISTER ? world.stranger : world.issuer);
  const sign = (world: World, options: Partial<Parameters<typeof consent>[0]> = {}) =>
    consent({
      registry: world.registry,
      signer: signerOf(world),
      type: call.type,
      message: call.message(world),
      identity: call.identity(world),
      ...options,
    });

  describe(`a signed ${call.type}`, () => {
    it("takes effect when a relayer submits it, and names its signer", async () => {
      const world = await loadFixture(usedRegistry);
      await expect(call.send(world, await sign(world)))
        .to.emit(world.registry, call.event)
        .and.to.emit(world.registry, "NonceConsumed")
        .withArgs(call.identity(world), signerOf(world).address, 0);
      expect(await world.registry.nonceOf(call.identity(world))).to.equal(1);
    });

    it("works once", async () => {
      const world = await loadFixture(usedRegistry);
      const by = await sign(world);
      await call.send(world, by);
      // After these two, the stage of the identity refuses before its nonce is looked at.
      const error =
        { RegisterDID: "AlreadyRegistered", DeactivateDID: "IdentityDeactivated", ChangeController: "NotController" }[
          call.type as string
        ] ?? "NonceAlreadyConsumed";
      await expect(call.send(world, by)).to.be.revertedWithCustomError(world.registry, error);
    });

    it("is worthless once its nonce is burned", async () => {
      const world = await loadFixture(usedRegistry);
      const by = await sign(world);
      await world.registry.connect(signerOf(world)).burnNonce(call.identity(world), 0);
      await expect(call.send(world, by))
        .to.be.revertedWithCustomError(world.registry, "NonceAlreadyConsumed")
        .withArgs(call.identity(world), 0, 1);
    });

    it("does not count before the nonces before it", async () => {
      const world = await loadFixture(usedRegistry);
      await expect(call.send(world, await sign(world, { nonce: 1n })))
        .to.be.revertedWithCustomError(world.registry, "NonceTooHigh")
        .withArgs(call.identity(world), 1, 0);
    });

    it("counts at its deadline, and not a second later", async () => {
      const world = await loadFixture(usedRegistry);
      const deadline = BigInt((await time.latest()) + 100);
      const by = await sign(world, { deadline });
      await time.setNextBlockTimestamp(deadline + 1n);
      await expect(call.send(world, by))
        .to.be.revertedWithCustomError(world.registry, "SignatureExpired")
        .withArgs(deadline, deadline + 1n);
      const again = await loadFixture(usedRegistry);
      await time.setNextBlockTimestamp(deadline);
      await expect(call.send(again, by)).to.emit(world.registry, call.event);
    });

    it("is worthless on another chain, and in another contract", async () => {
      const world = await loadFixture(usedRegistry);
      const domain = await domainOf(world.registry);
      for (const other of [
        { chainId: 1n },
        { verifyingContract: world.relayer.address },
        { version: "2" },
        { name: "Another" },
      ]) {
        const by = await sign(world, { domain: { ...domain, ...other } });
        await expect(call.send(world, by)).to.be.revertedWithCustomError(world.registry, "InvalidSignature");
      }
      expect(await world.registry.nonceOf(call.identity(world))).to.equal(0);
    });

    it("cannot be altered", async () => {
      const world = await loadFixture(usedRegistry);
      const by = await sign(world);
      await expect(call.send(world, { ...by, deadline: by.deadline + 1n })).to.be.revertedWithCustomError(
        world.registry,
        "InvalidSignature",
      );
      const flipped = by.signature.slice(0, 40) + (by.signature[40] === "0" ? "1" : "0") + by.signature.slice(41);
      await expect(call.send(world, { ...by, signature: flipped })).to.be.revertedWithCustomError(
        world.registry,
        "InvalidSignature",
      );
    });

    it("is refused with a high s, in compact form, and empty", async () => {
      const world = await loadFixture(usedRegistry);
      const by = await sign(world);
      const { r, s, v, compactSerialized } = Signature.from(by.signature);
      const highS = ethers.toBeHex(SECP256K1_ORDER - BigInt(s), 32);
      const malleated = ethers.concat([r, highS, v === 27 ? "0x1c" : "0x1b"]);
      for (const signature of [malleated, compactSerialized, "0x"]) {
        await expect(call.send(world, { ...by, signature })).to.be.revertedWithCustomError(
          world.registry,
          "InvalidSignature",
        );
      }
      await call.send(world, by);
    });

    it("is refused when somebody else signed it in the signer's name", async () => {
      const world = await loadFixture(usedRegistry);
      const by = await sign(world, { signer: world.relayer, account: signerOf(world).address });
      await expect(call.send(world, by)).to.be.revertedWithCustomError(world.registry, "InvalidSignature");
    });
  });
}

describe("a signed message", () => {
  for (const call of CALLS) {
    it(`${call.type} counts for what it says alone`, async () => {
      const world = await loadFixture(usedRegistry);
      const { registry, issuer } = world;
      const altered = Object.entries(call.message(world)).filter(
        ([field]) => field !== "identity" && field !== "issuer",
      );
      for (const [field, value] of altered) {
        const other: unknown = {
          documentUri: "https://example.net",
          documentHash: DOCUMENT_HASH,
          newController: world.holder.address,
          role: ethers.encodeBytes32String("other"),
          delegate: world.holder.address,
          expiresAt: FOREVER - 1n,
          credId: credIdOf(issuer, 8),
          credIds: [credIdOf(issuer, 7)],
          revoked: false,
          purpose: 1n,
          firstWord: 4,
          words: [2n, 1n],
        }[field];
        if (other === undefined) throw new Error(`This test has no other value for the field ${field}.`);
        const message = { ...call.message(world), [field]: other };
        expect(message[field]).not.to.deep.equal(value);
        const by = await consent({ registry, signer: issuer, type: call.type, message, identity: issuer.address });
        await expect(call.send(world, by), field).to.be.revertedWithCustomError(registry, "InvalidSignature");
      }
    });

    it(`${call.type} does not count for another identity with the same controller`, async () => {
      const world = await loadFixture(usedRegistry);
      const { registry, issuer, holder } = world;
      await registry.changeController(holder.address, issuer.address);
      const theirs = call.message({ ...world, issuer: holder });
      const by = await consent({
        registry,
        signer: issuer,
        type: call.type,
        message: theirs,
        identity: holder.address,
      });
      await expect(call.send(world, by)).to.be.revertedWithCustomError(registry, "InvalidSignature");
    });
  }

  for (const call of CONTROLLER_CALLS) {
    it(`${call.type} needs the controller, and a live status delegate is not enough`, async () => {
      const world = await loadFixture(usedRegistry);
      for (const signer of [world.delegate, world.stranger]) {
        const by = await consent({
          registry: world.registry,
          signer,
          type: call.type,
          message: call.message(world),
          identity: world.issuer.address,
        });
        await expect(call.send(world, by))
          .to.be.revertedWithCustomError(world.registry, "NotController")
          .withArgs(world.issuer.address, signer.address);
      }
    });
  }

  for (const call of STATUS_CALLS) {
    it(`${call.type} counts from a live status delegate, and from nobody else`, async () => {
      const world = await loadFixture(usedRegistry);
      const by = (signer: typeof world.delegate) =>
        consent({
          registry: world.registry,
          signer,
          type: call.type,
          message: call.message(world),
          identity: world.issuer.address,
        });
      await expect(call.send(world, await by(world.stranger)))
        .to.be.revertedWithCustomError(world.registry, "NotStatusAuthority")
        .withArgs(world.issuer.address, world.stranger.address);
      await expect(call.send(world, await by(world.delegate)))
        .to.emit(world.registry, "NonceConsumed")
        .withArgs(world.issuer.address, world.delegate.address, 0);
    });
  }

  it("of a former controller is worthless", async () => {
    const world = await loadFixture(usedRegistry);
    const { registry, issuer, stranger, relayer } = world;
    const message = { identity: issuer.address };
    const by = await consent({ registry, signer: issuer, type: "DeactivateDID", message, identity: issuer.address });
    await registry.connect(issuer).changeController(issuer.address, stranger.address);
    await expect(registry.connect(relayer).deactivateDIDFor(issuer.address, by)).to.be.revertedWithCustomError(
      registry,
      "NotController",
    );
  });

  it("in the zero address's name registers nothing", async () => {
    const { registry, stranger } = await loadFixture(emptyRegistry);
    const message = { identity: ZeroAddress, did: didOf(ZeroAddress), documentUri: URI, documentHash: ZeroHash };
    const by = await consent({
      registry,
      signer: stranger,
      type: "RegisterDID",
      message,
      identity: ZeroAddress,
      account: ZeroAddress,
    });
    for (const signature of [by.signature, `0x${"00".repeat(65)}`, `0x${"00".repeat(64)}1b`]) {
      await expect(
        registry.registerDIDFor(didOf(ZeroAddress), URI, ZeroHash, { ...by, signature }),
      ).to.be.revertedWithCustomError(registry, "InvalidSignature");
    }
  });

  it("registers the DID of its signer, and no other", async () => {
    const { registry, holder, stranger } = await loadFixture(emptyRegistry);
    const message = {
      identity: stranger.address,
      did: didOf(holder.address),
      documentUri: URI,
      documentHash: ZeroHash,
    };
    const by = await consent({ registry, signer: stranger, type: "RegisterDID", message, identity: stranger.address });
    await expect(registry.registerDIDFor(didOf(holder.address), URI, ZeroHash, by))
      .to.be.revertedWithCustomError(registry, "DIDMismatch")
      .withArgs(didOf(holder.address), didOf(stranger.address));
  });

  it("that changes nothing consumes its nonce all the same", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    await registry.connect(issuer).suspendCredential(credIdOf(issuer, 7));
    const message = { credId: credIdOf(issuer, 7) };
    const by = await consent({
      registry,
      signer: issuer,
      type: "SuspendCredential",
      message,
      identity: issuer.address,
    });
    await expect(registry.suspendCredentialFor(credIdOf(issuer, 7), by)).to.emit(registry, "NonceConsumed");
    expect(await registry.nonceOf(issuer.address)).to.equal(1);
  });

  it("lifts a suspension, alone and in a batch", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const ids = [credIdOf(issuer, 7), credIdOf(issuer, 8)];
    await registry.connect(issuer).suspendCredentials(ids);
    const one = { credId: ids[0], revoked: false };
    const many = { credIds: ids, revoked: false };
    const identity = issuer.address;
    await registry.setCredentialStatusFor(
      ids[0] ?? "",
      false,
      await consent({ registry, signer: issuer, type: "SetCredentialStatus", message: one, identity }),
    );
    await registry.setCredentialStatusesFor(
      ids,
      false,
      await consent({ registry, signer: issuer, type: "SetCredentialStatuses", message: many, identity }),
    );
    expect(await registry.statusWords(identity, 1, 0, 1)).to.deep.equal([0n]);
  });
});
