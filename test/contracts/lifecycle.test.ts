import { loadFixture, mine, setStorageAt, time } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import { ZeroAddress, ZeroHash } from "ethers";
import { ethers } from "hardhat";
import type { DIDRegistry } from "../../typechain-types";
import {
  didOf,
  DOCUMENT_HASH,
  FOREVER,
  REVOCATION,
  STATUS_ROLE,
  URI,
  credIdOf,
  usedRegistry,
} from "./support/registry";

const NEW_URI = "https://example.org/new/did.json";

describe("updating the document", () => {
  it("changes where it is and its digest, and leaves the creation as it was", async () => {
    const { registry, holder } = await loadFixture(usedRegistry);
    const before = await registry.resolveDID(holder.address);
    await mine(5);
    await expect(registry.updateDocument(holder.address, NEW_URI, ZeroHash))
      .to.emit(registry, "DocumentUpdated")
      .withArgs(holder.address, NEW_URI, ZeroHash, 2);
    const record = await registry.resolveDID(holder.address);
    expect(record.documentUri).to.equal(NEW_URI);
    expect(record.documentHash).to.equal(ZeroHash);
    expect(record.version).to.equal(2);
    expect(record.createdBlock).to.equal(before.createdBlock);
    expect(record.createdAt).to.equal(before.createdAt);
    expect(Number(record.updatedBlock)).to.equal(await time.latestBlock());
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
    await expect(registry.updateDocument(holder.address, "", ZeroHash))
      .to.be.revertedWithCustomError(registry, "InvalidDocumentUriLength")
      .withArgs(0, 2048);
  });
});

describe("changing the controller", () => {
  it("hands over every power, and leaves the former controller none", async () => {
    const { registry, holder, stranger } = await loadFixture(usedRegistry);
    await expect(registry.changeController(holder.address, stranger.address))
      .to.emit(registry, "ControllerChanged")
      .withArgs(holder.address, holder.address, stranger.address, 2);
    expect(await registry.controllerOf(holder.address)).to.equal(stranger.address);
    await expect(registry.updateDocument(holder.address, NEW_URI, ZeroHash))
      .to.be.revertedWithCustomError(registry, "NotController")
      .withArgs(holder.address, holder.address);
    await expect(registry.setCredentialStatus(credIdOf(holder, 0), true))
      .to.be.revertedWithCustomError(registry, "NotStatusAuthority")
      .withArgs(holder.address, holder.address);
    await registry.connect(stranger).updateDocument(holder.address, NEW_URI, ZeroHash);
    await registry.connect(stranger).setCredentialStatus(credIdOf(holder, 0), true);
    expect((await registry.resolveDID(holder.address)).controller).to.equal(stranger.address);
  });

  it("can go on to a third account, and back to the identity", async () => {
    const { registry, holder, stranger, relayer } = await loadFixture(usedRegistry);
    await registry.changeController(holder.address, stranger.address);
    await registry.connect(stranger).changeController(holder.address, relayer.address);
    await expect(registry.connect(relayer).changeController(holder.address, holder.address))
      .to.emit(registry, "ControllerChanged")
      .withArgs(holder.address, relayer.address, holder.address, 4);
    expect(await registry.controllerOf(holder.address)).to.equal(holder.address);
    await registry.updateDocument(holder.address, NEW_URI, ZeroHash);
  });

  it("refuses the zero address", async () => {
    const { registry, holder } = await loadFixture(usedRegistry);
    await expect(registry.changeController(holder.address, ZeroAddress)).to.be.revertedWithCustomError(
      registry,
      "ZeroAddress",
    );
  });

  it("costs no event when nothing would change", async () => {
    const { registry, holder } = await loadFixture(usedRegistry);
    await expect(registry.changeController(holder.address, holder.address)).not.to.emit(registry, "ControllerChanged");
    expect((await registry.resolveDID(holder.address)).version).to.equal(1);
  });
});

/** Every way to write to an identity and to the status of its credentials, by its controller. */
function writesOf(registry: DIDRegistry, identity: { address: string }, other: string) {
  const credId = credIdOf(identity, 1);
  return {
    updateDocument: () => registry.updateDocument(identity.address, NEW_URI, ZeroHash),
    changeController: () => registry.changeController(identity.address, other),
    addDelegate: () => registry.addDelegate(identity.address, STATUS_ROLE, other, FOREVER),
    revokeDelegate: () => registry.revokeDelegate(identity.address, STATUS_ROLE, other),
    deactivateDID: () => registry.deactivateDID(identity.address),
    setCredentialStatus: () => registry.setCredentialStatus(credId, true),
    reinstate: () => registry.setCredentialStatus(credId, false),
    suspendCredential: () => registry.suspendCredential(credId),
    setCredentialStatuses: () => registry.setCredentialStatuses([credId], true),
    suspendCredentials: () => registry.suspendCredentials([credId]),
    setStatusWords: () => registry.setStatusWords(identity.address, REVOCATION, 0, [1n]),
  };
}

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

  it("is final: every write reverts from then on", async () => {
    const { registry, holder, stranger } = await loadFixture(usedRegistry);
    await registry.deactivateDID(holder.address);
    const writes = { ...writesOf(registry, holder, stranger.address), burnNonce: () => registry.burnNonce(holder, 0) };
    for (const [name, write] of Object.entries(writes)) {
      await expect(write(), name)
        .to.be.revertedWithCustomError(registry, "IdentityDeactivated")
        .withArgs(holder.address);
    }
    await expect(registry["registerDID(string,string)"](didOf(holder.address), URI)).to.be.revertedWithCustomError(
      registry,
      "AlreadyRegistered",
    );
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

  it("leaves what was revoked readable", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const asIssuer = registry.connect(issuer);
    await asIssuer.setCredentialStatus(credIdOf(issuer, 3), true);
    await asIssuer.deactivateDID(issuer.address);
    expect(await registry.isCredentialRevoked(credIdOf(issuer, 3))).to.equal(true);
  });
});

describe("an identity that is not registered", () => {
  it("can be written to in no way", async () => {
    const { registry, stranger, holder } = await loadFixture(usedRegistry);
    const writes = writesOf(registry.connect(stranger), stranger, holder.address);
    for (const [name, write] of Object.entries(writes)) {
      await expect(write(), name).to.be.revertedWithCustomError(registry, "NotRegistered").withArgs(stranger.address);
    }
  });
});

describe("an identity of another account", () => {
  it("can be written to in no way by a stranger", async () => {
    const { registry, holder, stranger } = await loadFixture(usedRegistry);
    await registry.addDelegate(holder.address, STATUS_ROLE, holder.address, FOREVER);
    const writes = writesOf(registry.connect(stranger), holder, holder.address);
    for (const [name, write] of Object.entries(writes)) {
      const error = /status|reinstate|suspend/i.test(name) ? "NotStatusAuthority" : "NotController";
      await expect(write(), name)
        .to.be.revertedWithCustomError(registry, error)
        .withArgs(holder.address, stranger.address);
    }
  });
});

describe("the counters of an identity", () => {
  // Fields of the header, from the least significant bit: stage 8, version 24, nonce 32, four times 40, sequence 32.
  async function raise(registry: DIDRegistry, identity: string, bits: bigint): Promise<void> {
    const slot = ethers.keccak256(ethers.AbiCoder.defaultAbiCoder().encode(["address", "uint256"], [identity, 2]));
    const header = BigInt(await ethers.provider.getStorage(await registry.getAddress(), slot));
    await setStorageAt(await registry.getAddress(), slot, header | bits);
  }

  it("never run over into each other: the last version is the last change", async () => {
    const { registry, holder } = await loadFixture(usedRegistry);
    await raise(registry, holder.address, (2n ** 24n - 1n) << 8n);
    expect((await registry.resolveDID(holder.address)).version).to.equal(2n ** 24n - 1n);
    await expect(registry.updateDocument(holder.address, NEW_URI, ZeroHash)).to.be.revertedWithCustomError(
      registry,
      "CounterExhausted",
    );
  });

  it("never run over into each other: the last nonce stays the last", async () => {
    const { registry, holder } = await loadFixture(usedRegistry);
    await raise(registry, holder.address, (2n ** 32n - 1n) << 32n);
    await expect(registry.burnNonce(holder.address, 2n ** 32n - 1n)).to.be.revertedWithCustomError(
      registry,
      "CounterExhausted",
    );
  });

  it("never wrap around: the last status event is the last", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    await raise(registry, issuer.address, (2n ** 32n - 1n) << 224n);
    await expect(registry.connect(issuer).setCredentialStatus(credIdOf(issuer, 0), true)).to.be.revertedWithPanic(0x11);
  });
});
