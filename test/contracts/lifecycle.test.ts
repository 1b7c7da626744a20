import { loadFixture, setStorageAt, time } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import { ZeroAddress, ZeroHash } from "ethers";
import { ethers } from "hardhat";
import type { DIDRegistry } from "../../typechain-types";
import { networkAccount } from "./support/accounts";
import { consentTo } from "./support/consents";
import { fieldsOf } from "./support/outcome";
import {
  ANCHOR_ROLE,
  credIdOf,
  didOf,
  DOCUMENT_HASH,
  emptyRegistry,
  FOREVER,
  NEW_URI,
  saltOf,
  STATUS_ROLE,
  URI,
  usedRegistry,
} from "./support/registry";

/** Every way to write to an identity, by its controller. */
function writesOf(registry: DIDRegistry, identity: { address: string }, other: string) {
  const credId = credIdOf(identity, 1);
  const { address } = identity;
  return {
    updateDocument: () => registry.updateDocument(address, NEW_URI, ZeroHash),
    changeController: () => registry.changeController(address, other),
    nameSuccessor: () => registry.nameSuccessor(address, saltOf(0)),
    addDelegate: () => registry.addDelegate(address, STATUS_ROLE, other, FOREVER),
    revokeDelegate: () => registry.revokeDelegate(address, STATUS_ROLE, other),
    deactivateDID: () => registry.deactivateDID(address),
    cancelNonces: () => registry.cancelNonces(address, STATUS_ROLE, 1),
    setCredentialStatus: () => registry.setCredentialStatus(credId, true),
    reinstate: () => registry.setCredentialStatus(credId, false),
    setStatus: () => registry.setStatus(credId, 1, true),
    setStatusWords: () => registry.setStatusWords(address, 0, 0, [1n], true),
    setStatusMasks: () => registry.setStatusMasks(address, 0, [0], [1n], true),
    anchorDigest: () => registry.anchorDigest(address, ZeroHash),
  };
}

describe("an identity that was never written", () => {
  it("is active, controls itself, and has an empty record", async () => {
    const { registry, stranger } = await loadFixture(usedRegistry);
    expect(fieldsOf(await registry.resolveDID(stranger.address))).to.deep.equal({
      did: didOf(stranger.address),
      documentUri: "",
      documentHash: ZeroHash,
      controller: stranger.address,
      successor: ZeroHash,
      version: 0n,
      controlVersion: 0n,
      statusSequence: 0n,
      anchorSequence: 0n,
      nonce: 0n,
      createdAt: 0n,
      updatedAt: 0n,
      registered: false,
      active: true,
    });
    expect(await registry.controllerOf(stranger.address)).to.equal(stranger.address);
    expect(await registry.headers([stranger.address])).to.deep.equal([0n]);
    expect(await registry.nonceOfSigner(stranger.address, ZeroHash, stranger.address)).to.equal(0);
  });

  for (const name of Object.keys(writesOf({} as DIDRegistry, { address: `0x${"00".repeat(20)}` }, ""))) {
    if (name === "revokeDelegate" || name === "reinstate") continue;
    it(`can begin with ${name}, and is not registered by anything but a document`, async () => {
      const { registry, stranger, holder } = await loadFixture(usedRegistry);
      const writes: Record<string, () => Promise<unknown>> = writesOf(
        registry.connect(stranger),
        stranger,
        holder.address,
      );
      await writes[name]?.();
      const record = await registry.resolveDID(stranger.address);
      expect(record.registered).to.equal(name === "updateDocument");
      expect(await registry.headers([stranger.address])).not.to.deep.equal([0n]);
      const versioned = /^(update|change|name|add|deactivate)/.test(name);
      expect(record.version).to.equal(versioned ? 1 : 0);
      const now = versioned ? await time.latest() : 0;
      expect([record.createdAt, record.updatedAt].map(Number)).to.deep.equal([now, now]);
    });
  }

  it("can be written to in no way by a stranger", async () => {
    const { registry, relayer, stranger } = await loadFixture(usedRegistry);
    const writes = writesOf(registry.connect(stranger), relayer, stranger.address);
    for (const [name, write] of Object.entries(writes)) {
      await expect(write(), name).to.be.revertedWithCustomError(
        registry,
        /status|reinstate|cancel|anchor/i.test(name) ? "NotAuthorized" : "NotController",
      );
    }
    expect(await registry.headers([relayer.address])).to.deep.equal([0n]);
  });
});

describe("updating the document", () => {
  it("changes where it is and its digest, and leaves the creation as it was", async () => {
    const { registry, holder } = await loadFixture(usedRegistry);
    const before = await registry.resolveDID(holder.address);
    await time.increase(1000);
    await expect(registry.updateDocument(holder.address, NEW_URI, ZeroHash))
      .to.emit(registry, "DocumentUpdated")
      .withArgs(holder.address, NEW_URI, ZeroHash, 2);
    const record = await registry.resolveDID(holder.address);
    expect(record.documentUri).to.equal(NEW_URI);
    expect(record.documentHash).to.equal(ZeroHash);
    expect(record.version).to.equal(2);
    expect(record.createdAt).to.equal(before.createdAt);
    expect(Number(record.updatedAt)).to.equal(await time.latest());
  });

  it("costs no event when nothing would change", async () => {
    const { registry, holder } = await loadFixture(usedRegistry);
    await expect(registry.updateDocument(holder.address, URI, DOCUMENT_HASH)).not.to.emit(registry, "DocumentUpdated");
    expect((await registry.resolveDID(holder.address)).version).to.equal(1);
  });

  it("counts a change of the digest alone, and of the URI alone", async () => {
    const { registry, holder } = await loadFixture(usedRegistry);
    await registry.updateDocument(holder.address, URI, ZeroHash);
    await registry.updateDocument(holder.address, NEW_URI, ZeroHash);
    expect((await registry.resolveDID(holder.address)).version).to.equal(3);
  });

  it("holds the new URI to the same length", async () => {
    const { registry, holder } = await loadFixture(usedRegistry);
    for (const length of [0, 2049]) {
      await expect(registry.updateDocument(holder.address, "u".repeat(length), ZeroHash))
        .to.be.revertedWithCustomError(registry, "InvalidDocumentUriLength")
        .withArgs(length, 2048);
    }
    await registry.updateDocument(holder.address, "u".repeat(2048), ZeroHash);
    await registry.updateDocument(holder.address, "u", ZeroHash);
    expect((await registry.resolveDID(holder.address)).documentUri).to.equal("u");
  });
});

describe("changing the controller", () => {
  it("hands over every power, and leaves the former controller none", async () => {
    const { registry, holder, stranger } = await loadFixture(usedRegistry);
    await expect(registry.changeController(holder.address, stranger.address))
      .to.emit(registry, "ControllerChanged")
      .withArgs(holder.address, stranger.address, 2);
    expect(await registry.controllerOf(holder.address)).to.equal(stranger.address);
    await expect(registry.updateDocument(holder.address, NEW_URI, ZeroHash))
      .to.be.revertedWithCustomError(registry, "NotController")
      .withArgs(holder.address, holder.address);
    await expect(registry.setCredentialStatus(credIdOf(holder, 0), true))
      .to.be.revertedWithCustomError(registry, "NotAuthorized")
      .withArgs(holder.address, STATUS_ROLE, holder.address);
    await expect(registry.anchorDigest(holder.address, ZeroHash))
      .to.be.revertedWithCustomError(registry, "NotAuthorized")
      .withArgs(holder.address, ANCHOR_ROLE, holder.address);
    await registry.connect(stranger).updateDocument(holder.address, NEW_URI, ZeroHash);
    await registry.connect(stranger).setCredentialStatus(credIdOf(holder, 0), true);
    await registry.connect(stranger).anchorDigest(holder.address, ZeroHash);
    const record = await registry.resolveDID(holder.address);
    expect([record.controller, record.controlVersion]).to.deep.equal([stranger.address, 2n]);
  });

  it("can go on to a third account, and back to the identity", async () => {
    const { registry, holder, stranger, relayer } = await loadFixture(usedRegistry);
    await registry.changeController(holder.address, stranger.address);
    await registry.connect(stranger).changeController(holder.address, relayer.address);
    await expect(registry.connect(relayer).changeController(holder.address, holder.address))
      .to.emit(registry, "ControllerChanged")
      .withArgs(holder.address, holder.address, 4);
    expect(await registry.controllerOf(holder.address)).to.equal(holder.address);
    await registry.updateDocument(holder.address, NEW_URI, ZeroHash);
    const record = await registry.resolveDID(holder.address);
    expect([record.version, record.controlVersion, record.nonce]).to.deep.equal([5n, 4n, 4n << 64n]);
  });

  it("counts nonces anew, under another grant", async () => {
    const { registry, holder, stranger } = await loadFixture(usedRegistry);
    await registry.cancelNonces(holder.address, ZeroHash, 7);
    await registry.changeController(holder.address, stranger.address);
    expect(await registry.nonceOfSigner(holder.address, ZeroHash, stranger.address)).to.equal(2n << 64n);
  });

  it("refuses the zero address", async () => {
    const { registry, holder } = await loadFixture(usedRegistry);
    await expect(registry.changeController(holder.address, ZeroAddress)).to.be.revertedWithCustomError(
      registry,
      "ZeroAddress",
    );
  });

  it("costs no event when nothing would change", async () => {
    const { registry, holder, stranger } = await loadFixture(usedRegistry);
    await expect(registry.changeController(holder.address, holder.address)).not.to.emit(registry, "ControllerChanged");
    expect((await registry.resolveDID(holder.address)).version).to.equal(1);
    await registry.changeController(holder.address, stranger.address);
    await registry.connect(stranger).changeController(holder.address, stranger.address);
    const record = await registry.resolveDID(holder.address);
    expect([record.version, record.controlVersion]).to.deep.equal([2n, 2n]);
  });
});

describe("deactivating an identity", () => {
  it("is announced, and shows when resolving, with all else as it was", async () => {
    const { registry, holder } = await loadFixture(usedRegistry);
    await expect(registry.deactivateDID(holder.address))
      .to.emit(registry, "DIDDeactivated")
      .withArgs(holder.address, 2);
    const record = await registry.resolveDID(holder.address);
    expect(record.active).to.equal(false);
    expect(record.did).to.equal(didOf(holder.address));
    expect(record.documentUri).to.equal(URI);
    expect(record.controller).to.equal(holder.address);
  });

  it("is final: every write reverts from then on, every consent too", async () => {
    const { registry, holder, stranger, relayer } = await loadFixture(usedRegistry);
    const write = {
      name: "updateDocument",
      identity: holder.address,
      documentUri: NEW_URI,
      documentHash: ZeroHash,
    } as const;
    const by = await consentTo(registry, write, networkAccount(holder));
    await registry.deactivateDID(holder.address);
    const writes = {
      ...writesOf(registry, holder, stranger.address),
      registerDID: () => registry.registerDID(didOf(holder.address), URI),
      rotateController: () => registry.rotateController(holder.address, ZeroHash, ZeroHash),
      nonceOfSigner: () => registry.nonceOfSigner(holder.address, ZeroHash, holder.address),
      consent: () => registry.connect(relayer).updateDocumentWithConsent(holder.address, NEW_URI, ZeroHash, by),
    };
    for (const [name, attempt] of Object.entries(writes)) {
      await expect(attempt(), name)
        .to.be.revertedWithCustomError(registry, "IdentityDeactivated")
        .withArgs(holder.address);
    }
  });

  it("keeps the controller that it had been handed to", async () => {
    const { registry, holder, stranger } = await loadFixture(usedRegistry);
    await registry.changeController(holder.address, stranger.address);
    await registry.connect(stranger).deactivateDID(holder.address);
    expect(await registry.controllerOf(holder.address)).to.equal(stranger.address);
    await expect(registry.connect(stranger).setCredentialStatus(credIdOf(holder, 0), true))
      .to.be.revertedWithCustomError(registry, "IdentityDeactivated")
      .withArgs(holder.address);
  });

  it("keeps, at an address that nothing was handed over of, its own as the controller", async () => {
    const { registry, stranger } = await loadFixture(usedRegistry);
    await registry.connect(stranger).deactivateDID(stranger.address);
    expect(await registry.controllerOf(stranger.address)).to.equal(stranger.address);
  });

  it("leaves what was revoked readable", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const asIssuer = registry.connect(issuer);
    await asIssuer.setCredentialStatus(credIdOf(issuer, 3), true);
    await asIssuer.deactivateDID(issuer.address);
    expect(await registry.isCredentialRevoked(credIdOf(issuer, 3))).to.equal(true);
  });
});

describe("an identity of another account", () => {
  it("can be written to in no way by a stranger", async () => {
    const { registry, holder, stranger } = await loadFixture(usedRegistry);
    await registry.addDelegate(holder.address, STATUS_ROLE, holder.address, FOREVER);
    const writes = writesOf(registry.connect(stranger), holder, holder.address);
    const roles: Record<string, string> = { anchorDigest: ANCHOR_ROLE };
    for (const [name, write] of Object.entries(writes)) {
      const expected = /status|reinstate|cancel|anchor/i.test(name)
        ? { error: "NotAuthorized", args: [holder.address, roles[name] ?? STATUS_ROLE, stranger.address] }
        : { error: "NotController", args: [holder.address, stranger.address] };
      await expect(write(), name)
        .to.be.revertedWithCustomError(registry, expected.error)
        .withArgs(...expected.args);
    }
  });
});

describe("the counters of an identity", () => {
  const MAX_COUNT = 2n ** 32n - 1n;
  /** Positions of the header's counters. */
  const VERSION = 8n;
  const NONCE_COUNT = 72n;
  const ANCHOR_SEQUENCE = 104n;
  const STATUS_SEQUENCE = 216n;

  const coder = ethers.AbiCoder.defaultAbiCoder();
  const headerSlot = (identity: string) => ethers.keccak256(coder.encode(["address", "uint256"], [identity, 2]));

  async function raise(registry: DIDRegistry, slot: string, bits: bigint): Promise<void> {
    const address = await registry.getAddress();
    const word = BigInt(await ethers.provider.getStorage(address, slot)) | bits;
    await setStorageAt(address, slot, word);
  }

  it("end with the last version: no change comes after it, and nothing runs over", async () => {
    const { registry, holder, stranger } = await loadFixture(emptyRegistry);
    await raise(registry, headerSlot(holder.address), (MAX_COUNT - 1n) << VERSION);
    await registry.changeController(holder.address, stranger.address);
    const record = await registry.resolveDID(holder.address);
    expect([record.version, record.controlVersion, record.nonce]).to.deep.equal([
      MAX_COUNT,
      MAX_COUNT,
      MAX_COUNT << 64n,
    ]);
    const asStranger = registry.connect(stranger);
    for (const write of [
      () => asStranger.updateDocument(holder.address, NEW_URI, ZeroHash),
      () => asStranger.changeController(holder.address, holder.address),
      () => asStranger.addDelegate(holder.address, STATUS_ROLE, holder.address, FOREVER),
      () => asStranger.deactivateDID(holder.address),
    ]) {
      await expect(write()).to.be.revertedWithCustomError(registry, "CounterExhausted");
    }
  });

  it("end with the last nonce of the controllers", async () => {
    const { registry, holder, relayer } = await loadFixture(emptyRegistry);
    await raise(registry, headerSlot(holder.address), MAX_COUNT << NONCE_COUNT);
    const nonce = await registry.nonceOfSigner(holder.address, ZeroHash, holder.address);
    expect(nonce).to.equal(MAX_COUNT);
    const documentHash = DOCUMENT_HASH;
    const did = didOf(holder.address);
    const write = { name: "registerDID", did, documentUri: URI, documentHash } as const;
    const by = await consentTo(registry, write, networkAccount(holder));
    const asRelayer = registry.connect(relayer);
    await expect(asRelayer.registerDIDWithConsent(did, URI, documentHash, by)).to.be.revertedWithCustomError(
      registry,
      "CounterExhausted",
    );
    await expect(registry.cancelNonces(holder.address, ZeroHash, nonce + 1n)).to.be.revertedWithCustomError(
      registry,
      "CounterExhausted",
    );
    // A bulk goes on without it.
    expect(
      await asRelayer.registerManyWithConsent.staticCall([{ documentUri: URI, documentHash, consent: by }]),
    ).to.equal(0);
  });

  it("of versions end a bulk's entry as well, which goes on without it", async () => {
    const { registry, holder, relayer } = await loadFixture(emptyRegistry);
    await raise(registry, headerSlot(holder.address), MAX_COUNT << VERSION);
    const documentHash = DOCUMENT_HASH;
    const write = { name: "registerDID", did: didOf(holder.address), documentUri: URI, documentHash } as const;
    const consent = await consentTo(registry, write, networkAccount(holder));
    const asRelayer = registry.connect(relayer);
    const entries = [{ documentUri: URI, documentHash, consent }];
    expect(await asRelayer.registerManyWithConsent.staticCall(entries)).to.equal(0);
    await asRelayer.registerManyWithConsent(entries);
    expect((await registry.resolveDID(holder.address)).nonce).to.equal(0);
  });

  it("end with the last nonce of a delegate", async () => {
    const { registry, issuer, delegate } = await loadFixture(usedRegistry);
    const key = ethers.keccak256(
      coder.encode(["address", "bytes32", "address"], [issuer.address, STATUS_ROLE, delegate.address]),
    );
    await raise(registry, ethers.keccak256(coder.encode(["bytes32", "uint256"], [key, 3])), MAX_COUNT << 96n);
    const nonce = await registry.nonceOfSigner(issuer.address, STATUS_ROLE, delegate.address);
    expect(nonce).to.equal((2n << 64n) | MAX_COUNT);
    await expect(
      registry.connect(delegate).cancelNonces(issuer.address, STATUS_ROLE, nonce + 1n),
    ).to.be.revertedWithCustomError(registry, "CounterExhausted");
    const write = { name: "setStatus", credId: credIdOf(issuer, 1), purpose: 0n, on: true } as const;
    const by = await consentTo(registry, write, networkAccount(delegate));
    await expect(registry.setStatusWithConsent(write.credId, 0, true, by)).to.be.revertedWithCustomError(
      registry,
      "CounterExhausted",
    );
    expect(await registry.isDelegate(issuer.address, STATUS_ROLE, delegate.address)).to.equal(true);
  });

  it("end with the last anchor", async () => {
    const { registry, holder } = await loadFixture(usedRegistry);
    await raise(registry, headerSlot(holder.address), (MAX_COUNT - 1n) << ANCHOR_SEQUENCE);
    await registry.anchorDigest(holder.address, ZeroHash);
    expect((await registry.resolveDID(holder.address)).anchorSequence).to.equal(MAX_COUNT);
    await expect(registry.anchorDigest(holder.address, ZeroHash)).to.be.revertedWithCustomError(
      registry,
      "CounterExhausted",
    );
  });

  it("end with the last status event", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const last = 2n ** 40n - 1n;
    await raise(registry, headerSlot(issuer.address), (last - 1n) << STATUS_SEQUENCE);
    const asIssuer = registry.connect(issuer);
    await expect(asIssuer.setCredentialStatus(credIdOf(issuer, 0), true))
      .to.emit(registry, "CredentialRevoked")
      .withArgs(issuer.address, credIdOf(issuer, 0), last);
    await expect(asIssuer.setCredentialStatus(credIdOf(issuer, 1), true)).to.be.revertedWithCustomError(
      registry,
      "CounterExhausted",
    );
    expect(await registry.isCredentialRevoked(credIdOf(issuer, 1))).to.equal(false);
  });
});
