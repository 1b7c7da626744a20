import { loadFixture, time } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import { ZeroAddress, ZeroHash } from "ethers";
import { ethers } from "hardhat";
import { didOf, DOCUMENT_HASH, emptyRegistry, register, URI } from "./support/registry";

describe("registering a DID", () => {
  it("anchors the caller's own DID and announces all of it", async () => {
    const { registry, holder } = await loadFixture(emptyRegistry);
    await expect(registry["registerDID(string,string,bytes32)"](didOf(holder.address), URI, DOCUMENT_HASH))
      .to.emit(registry, "DIDRegistered")
      .withArgs(holder.address, holder.address, didOf(holder.address), URI, DOCUMENT_HASH, 1);
    const record = await registry.resolveDID(holder.address);
    expect(record.did).to.equal(didOf(holder.address));
    expect(record.documentUri).to.equal(URI);
    expect(record.documentHash).to.equal(DOCUMENT_HASH);
    expect(record.controller).to.equal(holder.address);
    expect(record.version).to.equal(1);
    expect(record.active).to.equal(true);
    const now = await time.latest();
    const block = await time.latestBlock();
    expect([record.createdAt, record.updatedAt].map(Number)).to.deep.equal([now, now]);
    expect([record.createdBlock, record.updatedBlock].map(Number)).to.deep.equal([block, block]);
  });

  it("needs no digest", async () => {
    const { registry, holder } = await loadFixture(emptyRegistry);
    await expect(registry["registerDID(string,string)"](didOf(holder.address), URI))
      .to.emit(registry, "DIDRegistered")
      .withArgs(holder.address, holder.address, didOf(holder.address), URI, ZeroHash, 1);
    expect((await registry.resolveDID(holder.address)).documentHash).to.equal(ZeroHash);
  });

  it("happens once, whatever the document", async () => {
    const { registry, holder } = await loadFixture(emptyRegistry);
    await register(registry, holder);
    await expect(registry["registerDID(string,string)"](didOf(holder.address), "https://example.org"))
      .to.be.revertedWithCustomError(registry, "AlreadyRegistered")
      .withArgs(holder.address);
  });

  it("cannot take another account's DID", async () => {
    const { registry, holder, stranger } = await loadFixture(emptyRegistry);
    await expect(registry.connect(stranger)["registerDID(string,string)"](didOf(holder.address), URI))
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
      await expect(registry["registerDID(string,string)"](did, URI))
        .to.be.revertedWithCustomError(registry, "DIDMismatch")
        .withArgs(did, didOf(holder.address));
    });
  }

  it("accepts document URIs of 1 and of 2,048 bytes, and none shorter or longer", async () => {
    const { registry, holder, issuer } = await loadFixture(emptyRegistry);
    for (const length of [0, 2049]) {
      await expect(registry["registerDID(string,string)"](didOf(holder.address), "u".repeat(length)))
        .to.be.revertedWithCustomError(registry, "InvalidDocumentUriLength")
        .withArgs(length, 2048);
    }
    await registry["registerDID(string,string)"](didOf(holder.address), "u");
    await registry.connect(issuer)["registerDID(string,string)"](didOf(issuer.address), "u".repeat(2048));
    expect((await registry.resolveDID(issuer.address)).documentUri).to.have.length(2048);
  });
});

describe("the DID method", () => {
  it("is what the constructor was given", async () => {
    const registry = await ethers.deployContract("DIDRegistry", ["a1"]);
    expect(await registry.method()).to.equal("a1");
    const [holder] = await ethers.getSigners();
    const did = `did:a1:${holder?.address.toLowerCase() ?? ZeroAddress}`;
    await expect(registry["registerDID(string,string)"](did, URI)).to.emit(registry, "DIDRegistered");
  });

  it("may have 31 characters", async () => {
    const registry = await ethers.deployContract("DIDRegistry", ["m".repeat(31)]);
    expect(await registry.method()).to.equal("m".repeat(31));
  });

  for (const method of ["", "m".repeat(32), "MyChain", "my-chain", "my:chain", "my chain", "`", "{", "/", "méthode"]) {
    it(`cannot be "${method}"`, async () => {
      const factory = await ethers.getContractFactory("DIDRegistry");
      await expect(factory.deploy(method)).to.be.revertedWithCustomError(factory, "InvalidMethod").withArgs(method);
    });
  }
});
