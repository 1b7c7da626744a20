import { loadFixture, time } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import { ZeroAddress, ZeroHash } from "ethers";
import { ethers } from "hardhat";
import fc from "fast-check";
import {
  didOf,
  DOCUMENT_HASH,
  emptyRegistry,
  FOREVER,
  NEW_URI,
  register,
  saltOf,
  STATUS_ROLE,
  URI,
  usedRegistry,
} from "./support/registry";

describe("registering a DID", () => {
  it("anchors the caller's own DID and announces where its document is", async () => {
    const { registry, holder } = await loadFixture(emptyRegistry);
    await expect(registry.registerDIDWithHash(didOf(holder.address), URI, DOCUMENT_HASH))
      .to.emit(registry, "DIDRegistered")
      .withArgs(holder.address, URI, DOCUMENT_HASH, 1);
    const record = await registry.resolveDID(holder.address);
    expect(record.did).to.equal(didOf(holder.address));
    expect(record.documentUri).to.equal(URI);
    expect(record.documentHash).to.equal(DOCUMENT_HASH);
    expect(record.controller).to.equal(holder.address);
    expect(record.version).to.equal(1);
    expect([record.registered, record.active]).to.deep.equal([true, true]);
    const now = await time.latest();
    expect([record.createdAt, record.updatedAt].map(Number)).to.deep.equal([now, now]);
  });

  it("needs no digest", async () => {
    const { registry, holder } = await loadFixture(emptyRegistry);
    await expect(registry.registerDID(didOf(holder.address), URI))
      .to.emit(registry, "DIDRegistered")
      .withArgs(holder.address, URI, ZeroHash, 1);
    expect((await registry.resolveDID(holder.address)).documentHash).to.equal(ZeroHash);
  });

  it("happens once, whatever the document", async () => {
    const { registry, holder } = await loadFixture(emptyRegistry);
    await register(registry, holder);
    for (const again of [
      () => registry.registerDID(didOf(holder.address), NEW_URI),
      () => registry.registerDIDWithHash(didOf(holder.address), URI, DOCUMENT_HASH),
    ]) {
      await expect(again()).to.be.revertedWithCustomError(registry, "AlreadyRegistered").withArgs(holder.address);
    }
  });

  it("comes after other writes too, with the next version, and keeps the time of the first", async () => {
    const { registry, holder, delegate } = await loadFixture(emptyRegistry);
    await registry.addDelegate(holder.address, STATUS_ROLE, delegate.address, FOREVER);
    const createdAt = await time.latest();
    await time.increase(100);
    await expect(registry.registerDID(didOf(holder.address), URI))
      .to.emit(registry, "DIDRegistered")
      .withArgs(holder.address, URI, ZeroHash, 2);
    const record = await registry.resolveDID(holder.address);
    expect(record.createdAt).to.equal(createdAt);
    expect(record.updatedAt).to.equal(await time.latest());
  });

  it("is for the identity's own key, as long as that controls it", async () => {
    const { registry, holder, stranger } = await loadFixture(emptyRegistry);
    await registry.changeController(holder.address, stranger.address);
    await expect(registry.registerDID(didOf(holder.address), URI))
      .to.be.revertedWithCustomError(registry, "NotController")
      .withArgs(holder.address, holder.address);
    await registry.connect(stranger).changeController(holder.address, holder.address);
    await registry.registerDID(didOf(holder.address), URI);
    expect((await registry.resolveDID(holder.address)).registered).to.equal(true);
  });

  it("is done by the controller's update of the document as well", async () => {
    const { registry, holder, stranger } = await loadFixture(emptyRegistry);
    await registry.changeController(holder.address, stranger.address);
    await expect(registry.connect(stranger).updateDocument(holder.address, URI, DOCUMENT_HASH))
      .to.emit(registry, "DocumentUpdated")
      .withArgs(holder.address, URI, DOCUMENT_HASH, 2);
    expect((await registry.resolveDID(holder.address)).registered).to.equal(true);
    await registry.connect(stranger).changeController(holder.address, holder.address);
    await expect(registry.registerDID(didOf(holder.address), URI))
      .to.be.revertedWithCustomError(registry, "AlreadyRegistered")
      .withArgs(holder.address);
  });

  it("is possible while a successor is named", async () => {
    const { registry, holder } = await loadFixture(emptyRegistry);
    await registry.nameSuccessor(holder.address, saltOf(0));
    await registry.registerDID(didOf(holder.address), URI);
    const record = await registry.resolveDID(holder.address);
    expect([record.registered, record.successor]).to.deep.equal([true, saltOf(0)]);
  });

  it("cannot take another account's DID", async () => {
    const { registry, holder, stranger } = await loadFixture(emptyRegistry);
    await expect(registry.connect(stranger).registerDID(didOf(holder.address), URI))
      .to.be.revertedWithCustomError(registry, "DIDMismatch")
      .withArgs(didOf(holder.address), didOf(stranger.address));
    expect((await registry.resolveDID(holder.address)).version).to.equal(0);
  });

  for (const [what, mangle] of [
    ["is in checksum case", (did: string, address: string) => did.slice(0, -42) + address],
    ["is of another method", (did: string) => did.replace("mychain", "mychains")],
    ["has something after it", (did: string) => `${did}#key`],
    ["lacks a digit", (did: string) => did.slice(0, -1)],
    ["is empty", () => ""],
  ] as const) {
    it(`refuses a DID that ${what}`, async () => {
      const { registry, holder } = await loadFixture(emptyRegistry);
      const did = mangle(didOf(holder.address), holder.address);
      for (const attempt of [
        () => registry.registerDID(did, URI),
        () => registry.registerDIDWithHash(did, URI, DOCUMENT_HASH),
      ]) {
        await expect(attempt())
          .to.be.revertedWithCustomError(registry, "DIDMismatch")
          .withArgs(did, didOf(holder.address));
      }
    });
  }

  it("accepts document URIs of 1 and of 2,048 bytes, and none shorter or longer", async () => {
    const { registry, holder, issuer } = await loadFixture(emptyRegistry);
    for (const length of [0, 2049]) {
      await expect(registry.registerDID(didOf(holder.address), "u".repeat(length)))
        .to.be.revertedWithCustomError(registry, "InvalidDocumentUriLength")
        .withArgs(length, 2048);
    }
    // Bytes count, not characters.
    await expect(registry.registerDID(didOf(holder.address), "é".repeat(1025)))
      .to.be.revertedWithCustomError(registry, "InvalidDocumentUriLength")
      .withArgs(2050, 2048);
    await registry.registerDID(didOf(holder.address), "u");
    await registry.connect(issuer).registerDID(didOf(issuer.address), "u".repeat(2048));
    expect((await registry.resolveDID(issuer.address)).documentUri).to.have.length(2048);
  });

  it("is barred by deactivation", async () => {
    const { registry, holder } = await loadFixture(emptyRegistry);
    await registry.deactivateDID(holder.address);
    await expect(registry.registerDID(didOf(holder.address), URI))
      .to.be.revertedWithCustomError(registry, "IdentityDeactivated")
      .withArgs(holder.address);
  });
});

describe("the text of a DID", () => {
  it("ends with the address in lower-case hexadecimal digits, whatever the address", async () => {
    const { registry } = await loadFixture(usedRegistry);
    const byte = fc.integer({ min: 0, max: 255 });
    const edges = [
      ZeroAddress,
      `0x${"f".repeat(40)}`,
      "0x0123456789abcdef0123456789abcdef01234567",
      `0x${"9a".repeat(20)}`,
    ];
    const random = fc.sample(fc.uint8Array({ minLength: 20, maxLength: 20 }), { numRuns: 300, seed: 12 });
    const singles = fc.sample(fc.tuple(fc.nat(19), byte), { numRuns: 100, seed: 12 }).map(([position, value]) => {
      const bytes = new Uint8Array(20);
      bytes[position] = value;
      return bytes;
    });
    for (const address of [...edges, ...[...random, ...singles].map((bytes) => ethers.hexlify(bytes))]) {
      expect((await registry.resolveDID(address)).did).to.equal(didOf(address));
    }
  });

  for (const method of ["a", "z9", "key", "m".repeat(24), "m".repeat(25)]) {
    it(`has the method "${method}" that the constructor was given`, async () => {
      const registry = await ethers.deployContract("DIDRegistry", [method]);
      expect(await registry.method()).to.equal(method);
      const [holder] = await ethers.getSigners();
      const did = `did:${method}:${holder?.address.toLowerCase() ?? ""}`;
      expect((await registry.resolveDID(holder?.address ?? "")).did).to.equal(did);
      await expect(registry.registerDID(did, URI)).to.emit(registry, "DIDRegistered");
    });
  }

  for (const method of [
    "",
    "m".repeat(26),
    "m".repeat(60),
    "MyChain",
    "my-chain",
    "my:chain",
    "my chain",
    "`",
    "{",
    "/",
    ":",
    "méthode",
  ]) {
    it(`cannot have the method "${method}"`, async () => {
      const factory = await ethers.getContractFactory("DIDRegistry");
      await expect(factory.deploy(method)).to.be.revertedWithCustomError(factory, "InvalidMethod").withArgs(method);
    });
  }
});
