import { loadFixture, time } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import { Signature, type ContractTransactionResponse, ZeroAddress, ZeroHash } from "ethers";
import { ethers } from "hardhat";
import type { ContractWallet, DIDRegistry, ReentrantWallet } from "../../typechain-types";
import { consent, type Consent, type ConsentType, domainOf } from "./support/consents";
import {
  type Accounts,
  credIdOf,
  didOf,
  DOCUMENT_HASH,
  emptyRegistry,
  FOREVER,
  REVOCATION,
  STATUS_ROLE,
  URI,
  usedRegistry,
} from "./support/registry";

type World = { registry: DIDRegistry } & Accounts;

const NEW_URI = "https://example.org/new/did.json";
const SECP256K1_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

interface SignedCall {
  type: ConsentType;
  /** Whose nonce the call consumes. */
  identity: (world: World) => string;
  message: (world: World) => Record<string, unknown>;
  send: (world: World, consent: Consent) => Promise<ContractTransactionResponse>;
  event: string;
}

/** Every `...For` function, by an account that may sign for it: the issuer, except for a registration. */
const CALLS: SignedCall[] = [
  {
    type: "UpdateDocument",
    identity: ({ issuer }) => issuer.address,
    message: ({ issuer }) => ({ identity: issuer.address, documentUri: NEW_URI, documentHash: ZeroHash }),
    send: ({ registry, issuer, relayer }, by) =>
      registry.connect(relayer).updateDocumentFor(issuer.address, NEW_URI, ZeroHash, by),
    event: "DocumentUpdated",
  },
  {
    type: "ChangeController",
    identity: ({ issuer }) => issuer.address,
    message: ({ issuer, stranger }) => ({ identity: issuer.address, newController: stranger.address }),
    send: ({ registry, issuer, stranger, relayer }, by) =>
      registry.connect(relayer).changeControllerFor(issuer.address, stranger.address, by),
    event: "ControllerChanged",
  },
  {
    type: "AddDelegate",
    identity: ({ issuer }) => issuer.address,
    message: ({ issuer, stranger }) => ({
      identity: issuer.address,
      role: STATUS_ROLE,
      delegate: stranger.address,
      expiresAt: FOREVER,
    }),
    send: ({ registry, issuer, stranger, relayer }, by) =>
      registry.connect(relayer).addDelegateFor(issuer.address, STATUS_ROLE, stranger.address, FOREVER, by),
    event: "DelegateAdded",
  },
  {
    type: "RevokeDelegate",
    identity: ({ issuer }) => issuer.address,
    message: ({ issuer, delegate }) => ({ identity: issuer.address, role: STATUS_ROLE, delegate: delegate.address }),
    send: ({ registry, issuer, delegate, relayer }, by) =>
      registry.connect(relayer).revokeDelegateFor(issuer.address, STATUS_ROLE, delegate.address, by),
    event: "DelegateRevoked",
  },
  {
    type: "DeactivateDID",
    identity: ({ issuer }) => issuer.address,
    message: ({ issuer }) => ({ identity: issuer.address }),
    send: ({ registry, issuer, relayer }, by) => registry.connect(relayer).deactivateDIDFor(issuer.address, by),
    event: "DIDDeactivated",
  },
  {
    type: "BurnNonce",
    identity: ({ issuer }) => issuer.address,
    message: ({ issuer }) => ({ identity: issuer.address }),
    send: ({ registry, issuer, relayer }, by) => registry.connect(relayer).burnNonceFor(issuer.address, by),
    event: "NonceConsumed",
  },
  {
    type: "SetCredentialStatus",
    identity: ({ issuer }) => issuer.address,
    message: ({ issuer }) => ({ credId: credIdOf(issuer, 7), revoked: true }),
    send: ({ registry, issuer, relayer }, by) =>
      registry.connect(relayer).setCredentialStatusFor(credIdOf(issuer, 7), true, by),
    event: "CredentialRevoked",
  },
  {
    type: "SuspendCredential",
    identity: ({ issuer }) => issuer.address,
    message: ({ issuer }) => ({ credId: credIdOf(issuer, 7) }),
    send: ({ registry, issuer, relayer }, by) =>
      registry.connect(relayer).suspendCredentialFor(credIdOf(issuer, 7), by),
    event: "CredentialSuspended",
  },
  {
    type: "SetCredentialStatuses",
    identity: ({ issuer }) => issuer.address,
    message: ({ issuer }) => ({ credIds: [credIdOf(issuer, 7), credIdOf(issuer, 300)], revoked: true }),
    send: ({ registry, issuer, relayer }, by) =>
      registry.connect(relayer).setCredentialStatusesFor([credIdOf(issuer, 7), credIdOf(issuer, 300)], true, by),
    event: "StatusWordChanged",
  },
  {
    type: "SuspendCredentials",
    identity: ({ issuer }) => issuer.address,
    message: ({ issuer }) => ({ credIds: [credIdOf(issuer, 7), credIdOf(issuer, 300)] }),
    send: ({ registry, issuer, relayer }, by) =>
      registry.connect(relayer).suspendCredentialsFor([credIdOf(issuer, 7), credIdOf(issuer, 300)], by),
    event: "StatusWordChanged",
  },
  {
    type: "SetStatusWords",
    identity: ({ issuer }) => issuer.address,
    message: ({ issuer }) => ({ issuer: issuer.address, purpose: REVOCATION, firstWord: 3, words: [1n, 2n] }),
    send: ({ registry, issuer, relayer }, by) =>
      registry.connect(relayer).setStatusWordsFor(issuer.address, REVOCATION, 3, [1n, 2n], by),
    event: "RevocationWordsSet",
  },
];

const STATUS_CALLS = CALLS.filter(({ type }) => /Status|Suspend/.test(type));
const CONTROLLER_CALLS = CALLS.filter((call) => !STATUS_CALLS.includes(call));

const REGISTER: SignedCall = {
  type: "RegisterDID",
  identity: ({ stranger }) => stranger.address,
  message: ({ stranger }) => ({
    identity: stranger.address,
    did: didOf(stranger.address),
    documentUri: URI,
    documentHash: DOCUMENT_HASH,
  }),
  send: ({ registry, stranger, relayer }, by) =>
    registry.connect(relayer).registerDIDFor(didOf(stranger.address), URI, DOCUMENT_HASH, by),
  event: "DIDRegistered",
};

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

describe("a contract wallet", () => {
  async function withWallet() {
    const world = await usedRegistry();
    const wallet = (await ethers.deployContract("ContractWallet", [world.holder.address])) as unknown as ContractWallet;
    const address = await wallet.getAddress();
    const registration = async (signer: typeof world.holder) =>
      consent({
        registry: world.registry,
        signer,
        type: "RegisterDID",
        message: { identity: address, did: didOf(address), documentUri: URI, documentHash: ZeroHash },
        identity: address,
        account: address,
      });
    return { ...world, wallet, address, registration };
  }

  it("registers and signs by ERC-1271", async () => {
    const { registry, holder, address, registration } = await loadFixture(withWallet);
    await registry.registerDIDFor(didOf(address), URI, ZeroHash, await registration(holder));
    const message = { credId: credIdOf({ address }, 4), revoked: true };
    const options = { registry, signer: holder, identity: address, account: address };
    await registry.setCredentialStatusFor(
      credIdOf({ address }, 4),
      true,
      await consent({ ...options, type: "SetCredentialStatus", message }),
    );
    expect(await registry.isCredentialRevoked(credIdOf({ address }, 4))).to.equal(true);
  });

  it("refuses a signature that its owner did not make", async () => {
    const { registry, stranger, address, registration } = await loadFixture(withWallet);
    await expect(
      registry.registerDIDFor(didOf(address), URI, ZeroHash, await registration(stranger)),
    ).to.be.revertedWithCustomError(registry, "InvalidSignature");
  });

  it("acts for itself by calling", async () => {
    const { registry, wallet, address } = await loadFixture(withWallet);
    const call = registry.interface.encodeFunctionData("registerDID(string,string)", [didOf(address), URI]);
    await wallet.execute(await registry.getAddress(), call);
    expect(await registry.controllerOf(address)).to.equal(address);
  });

  it("that does not speak ERC-1271 cannot sign", async () => {
    const { registry, holder } = await loadFixture(withWallet);
    const address = await registry.getAddress();
    const message = { identity: address, did: didOf(address), documentUri: URI, documentHash: ZeroHash };
    const options = { registry, signer: holder, type: "RegisterDID" as const, message, identity: address };
    await expect(
      registry.registerDIDFor(didOf(address), URI, ZeroHash, await consent({ ...options, account: address })),
    ).to.be.revertedWithCustomError(registry, "InvalidSignature");
  });
});

describe("a contract wallet that calls back when asked for its signature", () => {
  async function withHostileWallet() {
    const world = await usedRegistry();
    const wallet = (await ethers.deployContract("ReentrantWallet")) as unknown as ReentrantWallet;
    const address = await wallet.getAddress();
    const by: Consent = { signer: address, nonce: 0n, deadline: FOREVER, signature: "0x" };
    return { ...world, wallet, address, by };
  }

  it("can read, and finds its nonce consumed already", async () => {
    const { registry, wallet, address, by } = await loadFixture(withHostileWallet);
    await wallet.prepare(registry.interface.encodeFunctionData("nonceOf", [address]), ethers.zeroPadValue("0x01", 32));
    await expect(registry.registerDIDFor(didOf(address), URI, ZeroHash, by)).to.emit(registry, "DIDRegistered");
  });

  it("cannot change anything, neither by calling nor with the same consent", async () => {
    const { registry, wallet, address, by } = await loadFixture(withHostileWallet);
    for (const payload of [
      registry.interface.encodeFunctionData("registerDID(string,string)", [didOf(address), URI]),
      registry.interface.encodeFunctionData("registerDIDFor", [didOf(address), URI, ZeroHash, by]),
      registry.interface.encodeFunctionData("burnNonce", [address, 0]),
      registry.interface.encodeFunctionData("burnNonce", [address, 1]),
    ]) {
      await wallet.prepare(payload, "0x");
      await expect(registry.registerDIDFor(didOf(address), URI, ZeroHash, by)).to.be.revertedWithCustomError(
        registry,
        "InvalidSignature",
      );
      expect(await registry.nonceOf(address)).to.equal(0);
    }
  });

  it("cannot revoke twice with one consent as an issuer", async () => {
    const { registry, wallet, address, by } = await loadFixture(withHostileWallet);
    const register = registry.interface.encodeFunctionData("registerDID(string,string)", [didOf(address), URI]);
    await wallet.execute(await registry.getAddress(), register);
    const credId = credIdOf({ address }, 0);
    await wallet.prepare(registry.interface.encodeFunctionData("setCredentialStatus", [credId, true]), "0x");
    await expect(registry.setCredentialStatusFor(credId, true, by)).to.be.revertedWithCustomError(
      registry,
      "InvalidSignature",
    );
    expect((await registry.resolveDID(address)).statusSequence).to.equal(0);
  });
});
