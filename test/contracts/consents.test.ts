import { loadFixture, time } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import { id, Signature, toBeHex, ZeroAddress, ZeroHash } from "ethers";
import { ethers } from "hardhat";
import { networkAccount } from "./support/accounts";
import { CONSENT_TYPES, consentTo, consentTypeOf, domainOf, type SignedWrite } from "./support/consents";
import {
  ANCHOR_ROLE,
  credIdOf,
  DAY,
  didOf,
  emptyRegistry,
  FOREVER,
  STATUS_ROLE,
  URI,
  usedRegistry,
} from "./support/registry";
import {
  consentFor,
  CONTROLLER_CALLS,
  DELEGATE_CALLS,
  sendWithConsent,
  SIGNED_CALLS,
  type SignedCall,
} from "./support/signedCalls";
import { roleOf } from "./support/writes";

/** The order of the curve secp256k1: the other form of a signature has `s` subtracted from it. */
const SECP256K1_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

async function worldOf(call: SignedCall) {
  const world = await loadFixture(usedRegistry);
  await call.prepare?.(world);
  return world;
}

for (const call of SIGNED_CALLS) {
  const consumes = call.name !== "rotateController";

  describe(`a consent to ${call.name}`, () => {
    it("takes effect when a relayer sends it, and names its signer", async () => {
      const world = await worldOf(call);
      const { address } = call.identity(world);
      const by = await consentFor(call, world);
      const sending = sendWithConsent(world, call.write(world), by);
      await expect(sending).to.emit(world.registry, call.event);
      if (consumes) {
        await expect(sending).to.emit(world.registry, "NonceConsumed").withArgs(address, by.signer, by.nonce);
      } else {
        await expect(sending).not.to.emit(world.registry, "NonceConsumed");
      }
    });

    it("counts once", async () => {
      const world = await worldOf(call);
      const write = call.write(world);
      const by = await consentFor(call, world);
      await sendWithConsent(world, write, by);
      // After these, the identity's own state refuses before the nonce is looked at.
      const errors: Partial<Record<SignedWrite["name"], string>> = {
        registerDID: "AlreadyRegistered",
        deactivateDID: "IdentityDeactivated",
        changeController: "NotController",
        rotateController: "NotSuccessor",
      };
      const error = errors[call.name] ?? "NonceMismatch";
      await expect(sendWithConsent(world, write, by)).to.be.revertedWithCustomError(world.registry, error);
    });

    it("counts with the current nonce alone", async () => {
      const world = await worldOf(call);
      const current = (await consentFor(call, world)).nonce;
      for (const nonce of [current + 1n, current + (1n << 64n), (1n << 256n) - 1n]) {
        const by = await consentFor(call, world, { nonce });
        await expect(sendWithConsent(world, call.write(world), by))
          .to.be.revertedWithCustomError(world.registry, "NonceMismatch")
          .withArgs(call.identity(world).address, by.signer, nonce, current);
      }
    });

    it("counts at its deadline, and not a second later", async () => {
      const world = await worldOf(call);
      const deadline = BigInt((await time.latest()) + DAY);
      const by = await consentFor(call, world, { deadline });
      const snapshot = (await ethers.provider.send("evm_snapshot", [])) as string;
      await time.setNextBlockTimestamp(deadline + 1n);
      await expect(sendWithConsent(world, call.write(world), by))
        .to.be.revertedWithCustomError(world.registry, "SignatureExpired")
        .withArgs(deadline, deadline + 1n);
      await ethers.provider.send("evm_revert", [snapshot]);
      await time.setNextBlockTimestamp(deadline);
      await expect(sendWithConsent(world, call.write(world), by)).to.emit(world.registry, call.event);
    });

    it("is worthless on another chain, in another contract, and for another version", async () => {
      const world = await worldOf(call);
      const domain = await domainOf(world.registry);
      for (const other of [
        { chainId: 1n },
        { verifyingContract: world.relayer.address },
        { version: "1" },
        { name: "Another" },
      ]) {
        const by = await consentFor(call, world, { domain: { ...domain, ...other } });
        await expect(sendWithConsent(world, call.write(world), by)).to.be.revertedWithCustomError(
          world.registry,
          "InvalidSignature",
        );
      }
    });

    it("counts for what it says alone", async () => {
      const world = await worldOf(call);
      const write = call.write(world);
      const by = await consentFor(call, world);
      for (const [field, value] of Object.entries(call.otherValues(world))) {
        const other = { ...write, [field]: value };
        expect(other).not.to.deep.equal(write);
        await expect(sendWithConsent(world, other, by), field).to.be.revertedWithCustomError(
          world.registry,
          "InvalidSignature",
        );
      }
      await expect(sendWithConsent(world, write, { ...by, deadline: by.deadline + 1n })).to.be.revertedWithCustomError(
        world.registry,
        "InvalidSignature",
      );
    });

    it("is refused with a high s, in compact form, empty, or with a wrong v", async () => {
      const world = await worldOf(call);
      const by = await consentFor(call, world);
      const { r, s, v, compactSerialized } = Signature.from(by.signature);
      const highS = toBeHex(SECP256K1_ORDER - BigInt(s), 32);
      const malleated = ethers.concat([r, highS, v === 27 ? "0x1c" : "0x1b"]);
      const wrongV = ethers.concat([r, s, "0x1d"]);
      for (const signature of [malleated, compactSerialized, "0x", wrongV, `${by.signature}00`]) {
        await expect(sendWithConsent(world, call.write(world), { ...by, signature })).to.be.revertedWithCustomError(
          world.registry,
          "InvalidSignature",
        );
      }
    });

    it("is refused when another key signed it in the signer's name, and says which digest was asked", async () => {
      const world = await worldOf(call);
      const write = call.write(world);
      const account = call.signer(world).address;
      const by = await consentFor(call, world, { signer: networkAccount(world.relayer), account });
      const { type, fields } = consentTypeOf(call.name);
      const { nonce, deadline } = by;
      const digest = ethers.TypedDataEncoder.hash(
        await domainOf(world.registry),
        { [type]: fields },
        { ...write, signer: account, nonce, deadline },
      );
      await expect(sendWithConsent(world, write, by))
        .to.be.revertedWithCustomError(world.registry, "InvalidSignature")
        .withArgs(account, digest);
    });
  });
}

describe("a consent", () => {
  it("is of one of thirteen types, and names its signer first", () => {
    const types = Object.values(CONSENT_TYPES);
    expect(types).to.have.length(13);
    for (const type of types) {
      expect(type).to.match(/^[A-Z]\w+\(address signer,.*,uint256 nonce,uint256 deadline\)$/);
    }
  });

  it("has the arguments of its function, in their order", async () => {
    const { registry } = await loadFixture(emptyRegistry);
    for (const name of Object.keys(CONSENT_TYPES) as SignedWrite["name"][]) {
      const inputs = registry.interface.getFunction(`${name}WithConsent`).inputs.slice(0, -1);
      const given = inputs.map((input) => ({ type: input.type, name: input.name }));
      expect(consentTypeOf(name).fields.slice(1, -2), name).to.deep.equal(given);
    }
  });

  for (const call of CONTROLLER_CALLS) {
    it(`to ${call.name} needs the controller, and a delegate is not enough`, async () => {
      const world = await loadFixture(usedRegistry);
      for (const account of [world.delegate, world.stranger]) {
        const by = await consentFor(call, world, { signer: networkAccount(account) });
        await expect(sendWithConsent(world, call.write(world), by))
          .to.be.revertedWithCustomError(world.registry, "NotController")
          .withArgs(world.issuer.address, account.address);
      }
    });
  }

  for (const call of DELEGATE_CALLS) {
    it(`to ${call.name} counts from a delegate that holds the role, with the delegate's own nonce`, async () => {
      const world = await loadFixture(usedRegistry);
      const { registry, issuer, delegate, stranger } = world;
      const role = roleOf(call.write(world)) ?? ZeroHash;
      const signer = networkAccount(delegate);
      const nonce = await registry.nonceOfSigner(issuer.address, role, delegate.address);
      const write =
        call.name === "cancelNonces"
          ? ({ ...call.write(world), nextNonce: nonce + 3n } as SignedWrite)
          : call.write(world);
      const by = await consentFor(call, world, { signer, write });
      expect(by.nonce).to.equal(nonce);
      await expect(sendWithConsent(world, write, by))
        .to.emit(registry, "NonceConsumed")
        .withArgs(issuer.address, delegate.address, nonce);
      expect((await registry.resolveDID(issuer.address)).nonce).to.equal(0);
      const theirs = await consentFor(call, world, { signer: networkAccount(stranger) });
      await expect(sendWithConsent(world, write, theirs))
        .to.be.revertedWithCustomError(registry, "NotAuthorized")
        .withArgs(issuer.address, role, stranger.address);
    });
  }

  it("of a delegate with one role does not count for another role", async () => {
    const world = await loadFixture(usedRegistry);
    const { registry, issuer, delegate } = world;
    await registry.connect(issuer).revokeDelegate(issuer.address, STATUS_ROLE, delegate.address);
    for (const call of DELEGATE_CALLS.filter(({ name }) => name.startsWith("set"))) {
      const nonce = await registry.nonceOfSigner(issuer.address, ANCHOR_ROLE, delegate.address);
      const by = await consentFor(call, world, { signer: networkAccount(delegate), nonce });
      await expect(sendWithConsent(world, call.write(world), by))
        .to.be.revertedWithCustomError(registry, "NotAuthorized")
        .withArgs(issuer.address, STATUS_ROLE, delegate.address);
    }
  });

  it("does not count for another identity with the same controller", async () => {
    const world = await loadFixture(usedRegistry);
    const { registry, issuer, holder } = world;
    await registry.connect(holder).changeController(holder.address, issuer.address);
    for (const call of [...CONTROLLER_CALLS, ...DELEGATE_CALLS]) {
      const theirs = call.write({ ...world, issuer: holder });
      const by = await consentFor(call, world, { write: theirs, nonce: 0n });
      await expect(sendWithConsent(world, call.write(world), by), call.name).to.be.revertedWithCustomError(
        registry,
        "InvalidSignature",
      );
    }
  });

  it("is the controller's own, though the controller holds a role too", async () => {
    const world = await loadFixture(usedRegistry);
    const { registry, issuer } = world;
    await registry.connect(issuer).addDelegate(issuer.address, STATUS_ROLE, issuer.address, FOREVER);
    expect(await registry.nonceOfSigner(issuer.address, STATUS_ROLE, issuer.address)).to.equal(0);
  });

  it("of a former controller is worthless, and stays so when control returns", async () => {
    const world = await loadFixture(usedRegistry);
    const { registry, issuer, stranger, relayer } = world;
    const identity = issuer.address;
    const write: SignedWrite = {
      name: "updateDocument",
      identity,
      documentUri: "https://example.org",
      documentHash: ZeroHash,
    };
    const early = await consentTo(registry, write, networkAccount(issuer));
    const later = await consentTo(registry, write, networkAccount(issuer), { nonce: 1n });
    await registry.connect(issuer).changeController(identity, stranger.address);
    await expect(sendWithConsent(world, write, early))
      .to.be.revertedWithCustomError(registry, "NotController")
      .withArgs(identity, identity);
    await registry.connect(stranger).changeController(identity, identity);
    const current = await registry.nonceOfSigner(identity, ZeroHash, identity);
    expect(current).to.equal(5n << 64n);
    for (const by of [early, later]) {
      await expect(registry.connect(relayer).updateDocumentWithConsent(identity, write.documentUri, ZeroHash, by))
        .to.be.revertedWithCustomError(registry, "NonceMismatch")
        .withArgs(identity, identity, by.nonce, current);
    }
  });

  it("of a delegate is worthless once the role was taken away, and stays so when it is granted again", async () => {
    const world = await loadFixture(usedRegistry);
    const { registry, issuer, delegate } = world;
    const identity = issuer.address;
    const write: SignedWrite = { name: "setStatus", credId: credIdOf(issuer, 1), purpose: 0n, on: true };
    const by = await consentTo(registry, write, networkAccount(delegate));
    await registry.connect(issuer).revokeDelegate(identity, STATUS_ROLE, delegate.address);
    await expect(sendWithConsent(world, write, by)).to.be.revertedWithCustomError(registry, "NotAuthorized");
    await registry.connect(issuer).addDelegate(identity, STATUS_ROLE, delegate.address, FOREVER);
    await expect(sendWithConsent(world, write, by))
      .to.be.revertedWithCustomError(registry, "NonceMismatch")
      .withArgs(identity, delegate.address, 2n << 64n, 5n << 64n);
    expect(await registry.isCredentialRevoked(write.credId)).to.equal(false);
  });

  it("of a delegate outlives another end of its role", async () => {
    const world = await loadFixture(usedRegistry);
    const { registry, issuer, delegate } = world;
    const write: SignedWrite = { name: "setStatus", credId: credIdOf(issuer, 1), purpose: 0n, on: true };
    const by = await consentTo(registry, write, networkAccount(delegate));
    await registry.connect(issuer).addDelegate(issuer.address, STATUS_ROLE, delegate.address, FOREVER - 1n);
    await expect(sendWithConsent(world, write, by)).to.emit(registry, "CredentialRevoked");
  });

  it("of a delegate ends with its role's time, and is no consent to a later grant", async () => {
    const world = await loadFixture(usedRegistry);
    const { registry, issuer, stranger } = world;
    const identity = issuer.address;
    const expiresAt = (await time.latest()) + DAY;
    await registry.connect(issuer).addDelegate(identity, STATUS_ROLE, stranger.address, expiresAt);
    const write: SignedWrite = { name: "setStatus", credId: credIdOf(issuer, 1), purpose: 0n, on: true };
    const by = await consentTo(registry, write, networkAccount(stranger), { deadline: FOREVER });
    await time.setNextBlockTimestamp(expiresAt);
    await expect(sendWithConsent(world, write, by))
      .to.be.revertedWithCustomError(registry, "NotAuthorized")
      .withArgs(identity, STATUS_ROLE, stranger.address);
    await registry.connect(issuer).addDelegate(identity, STATUS_ROLE, stranger.address, FOREVER);
    await expect(sendWithConsent(world, write, by))
      .to.be.revertedWithCustomError(registry, "NonceMismatch")
      .withArgs(identity, stranger.address, 4n << 64n, 5n << 64n);
  });

  it("of a delegate who became the controller does not count as the controller's", async () => {
    const world = await loadFixture(usedRegistry);
    const { registry, issuer, delegate } = world;
    const write: SignedWrite = { name: "anchorDigest", identity: issuer.address, digest: id("a digest") };
    const by = await consentTo(registry, write, networkAccount(delegate));
    await registry.connect(issuer).changeController(issuer.address, delegate.address);
    await expect(sendWithConsent(world, write, by))
      .to.be.revertedWithCustomError(registry, "NonceMismatch")
      .withArgs(issuer.address, delegate.address, 3n << 64n, 4n << 64n);
  });

  it("in the zero address's name registers nothing", async () => {
    const world = await loadFixture(emptyRegistry);
    const { registry, stranger } = world;
    const write: SignedWrite = {
      name: "registerDID",
      did: didOf(ZeroAddress),
      documentUri: URI,
      documentHash: ZeroHash,
    };
    const by = await consentTo(registry, write, networkAccount(stranger), { account: ZeroAddress });
    for (const signature of [by.signature, `0x${"00".repeat(65)}`, `0x${"00".repeat(64)}1b`]) {
      await expect(sendWithConsent(world, write, { ...by, signature })).to.be.revertedWithCustomError(
        registry,
        "InvalidSignature",
      );
    }
  });

  it("that changes nothing consumes its nonce all the same", async () => {
    const world = await loadFixture(usedRegistry);
    const { registry, issuer } = world;
    await registry.connect(issuer).setStatus(credIdOf(issuer, 7), 1, true);
    const write: SignedWrite = { name: "setStatus", credId: credIdOf(issuer, 7), purpose: 1n, on: true };
    const sending = sendWithConsent(world, write, await consentTo(registry, write, networkAccount(issuer)));
    await expect(sending).to.emit(registry, "NonceConsumed").withArgs(issuer.address, issuer.address, 0);
    await expect(sending).not.to.emit(registry, "StatusSet");
    expect(await registry.nonceOfSigner(issuer.address, ZeroHash, issuer.address)).to.equal(1);
  });

  it("that is refused for its content keeps its nonce", async () => {
    const world = await loadFixture(usedRegistry);
    const { registry, issuer } = world;
    const write: SignedWrite = { name: "setStatus", credId: credIdOf(issuer, 7), purpose: 0n, on: false };
    const by = await consentTo(registry, write, networkAccount(issuer));
    await expect(sendWithConsent(world, write, by)).to.be.revertedWithCustomError(
      registry,
      "RevocationCannotBeCleared",
    );
    expect(await registry.nonceOfSigner(issuer.address, ZeroHash, issuer.address)).to.equal(0);
  });
});
