import { loadFixture } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import { ZeroAddress, ZeroHash } from "ethers";
import { fieldsOf } from "./support/outcome";
import { didOf, FOREVER, STATUS_ROLE, URI, credIdOf, usedRegistry } from "./support/registry";

describe("resolving a DID", () => {
  it("gives everything in one call, after any number of changes", async () => {
    const { registry, holder, stranger } = await loadFixture(usedRegistry);
    for (let round = 0; round < 5; round++) {
      await registry.updateDocument(holder.address, `${URI}?${round}`, ZeroHash);
      await registry.setCredentialStatus(credIdOf(holder, round), true);
      await registry.burnNonce(holder.address, round);
    }
    await registry.addDelegate(holder.address, STATUS_ROLE, stranger.address, FOREVER);
    await registry.changeController(holder.address, stranger.address);
    const record = await registry.resolveDID(holder.address);
    expect(fieldsOf(record)).to.include({
      did: didOf(holder.address),
      documentUri: `${URI}?4`,
      documentHash: ZeroHash,
      controller: stranger.address,
      version: 8n,
      statusSequence: 5n,
      nonce: 5n,
      active: true,
    });
  });

  it("says of an unknown address that it has no version, and nothing else", async () => {
    const { registry, stranger } = await loadFixture(usedRegistry);
    expect(fieldsOf(await registry.resolveDID(stranger.address))).to.deep.equal({
      did: "",
      documentUri: "",
      documentHash: ZeroHash,
      controller: ZeroAddress,
      version: 0n,
      statusSequence: 0n,
      nonce: 0n,
      createdBlock: 0n,
      createdAt: 0n,
      updatedBlock: 0n,
      updatedAt: 0n,
      active: false,
    });
    expect(await registry.controllerOf(stranger.address)).to.equal(ZeroAddress);
  });

  it("shows the nonce of an address that burned one before it registered", async () => {
    const { registry, stranger } = await loadFixture(usedRegistry);
    await registry.connect(stranger).burnNonce(stranger.address, 0);
    const record = await registry.resolveDID(stranger.address);
    expect([record.version, record.nonce, record.active]).to.deep.equal([0n, 1n, false]);
    await registry.connect(stranger)["registerDID(string,string)"](didOf(stranger.address), URI);
    expect((await registry.resolveDID(stranger.address)).nonce).to.equal(1);
  });
});
