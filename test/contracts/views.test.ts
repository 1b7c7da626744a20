import { loadFixture } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import { id, ZeroHash } from "ethers";
import { ethers } from "hardhat";
import { fieldsOf } from "./support/outcome";
import { credIdOf, didOf, FOREVER, saltOf, STATUS_ROLE, URI, usedRegistry } from "./support/registry";

describe("resolving a DID", () => {
  it("gives everything in one call, after any number of changes", async () => {
    const { registry, holder, stranger } = await loadFixture(usedRegistry);
    for (let round = 0; round < 5; round++) {
      await registry.updateDocument(holder.address, `${URI}?${round}`, ZeroHash);
      await registry.setCredentialStatus(credIdOf(holder, round), true);
      await registry.cancelNonces(holder.address, ZeroHash, round + 1);
    }
    await registry.anchorDigest(holder.address, id("one"));
    await registry.addDelegate(holder.address, STATUS_ROLE, stranger.address, FOREVER);
    await registry.changeController(holder.address, stranger.address);
    await registry.connect(stranger).nameSuccessor(holder.address, saltOf(0));
    await registry.connect(stranger).cancelNonces(holder.address, ZeroHash, (8n << 64n) | 5n);
    expect(fieldsOf(await registry.resolveDID(holder.address))).to.include({
      did: didOf(holder.address),
      documentUri: `${URI}?4`,
      documentHash: ZeroHash,
      controller: stranger.address,
      successor: saltOf(0),
      version: 9n,
      controlVersion: 8n,
      statusSequence: 5n,
      anchorSequence: 1n,
      nonce: (8n << 64n) | 5n,
      registered: true,
      active: true,
    });
  });
});

describe("the headers of identities", () => {
  it("are told of many in their order, packed as the documentation says", async () => {
    const { registry, holder, issuer, stranger } = await loadFixture(usedRegistry);
    await registry.setCredentialStatus(credIdOf(holder, 1), true);
    await registry.anchorDigest(holder.address, id("one"));
    await registry.changeController(holder.address, issuer.address);
    await registry.connect(issuer).nameSuccessor(holder.address, saltOf(0));
    await registry.connect(issuer).cancelNonces(holder.address, ZeroHash, (2n << 64n) | 9n);
    const record = await registry.resolveDID(holder.address);
    const [header = 0n, unknown, again] = await registry.headers([holder.address, stranger.address, holder.address]);
    expect([unknown, again]).to.deep.equal([0n, header]);
    const field = (from: bigint, width: bigint) => (header >> from) & (2n ** width - 1n);
    expect({
      stage: field(0n, 2n),
      registered: field(2n, 1n),
      guarded: field(3n, 1n),
      unused: field(4n, 4n),
      version: field(8n, 32n),
      controlVersion: field(40n, 32n),
      nonceCount: field(72n, 32n),
      anchorSequence: field(104n, 32n),
      createdAt: field(136n, 40n),
      updatedAt: field(176n, 40n),
      statusSequence: field(216n, 40n),
    }).to.deep.equal({
      stage: 1n,
      registered: 1n,
      guarded: 1n,
      unused: 0n,
      version: 3n,
      controlVersion: 2n,
      nonceCount: 9n,
      anchorSequence: 1n,
      createdAt: record.createdAt,
      updatedAt: record.updatedAt,
      statusSequence: 1n,
    });
    await registry.connect(stranger).deactivateDID(stranger.address);
    const [deactivated = 0n] = await registry.headers([stranger.address]);
    expect(deactivated & 3n).to.equal(2n);
    expect(await registry.headers([])).to.deep.equal([]);
  });

  it("are proved by eth_getProof of the slot that the documentation names", async () => {
    const { registry, issuer, stranger } = await loadFixture(usedRegistry);
    for (const { address } of [issuer, stranger]) {
      const encoded = ethers.AbiCoder.defaultAbiCoder().encode(["address", "uint256"], [address, 2]);
      const slot = ethers.keccak256(encoded);
      const proof = (await ethers.provider.send("eth_getProof", [await registry.getAddress(), [slot], "latest"])) as {
        storageProof: { value: string }[];
      };
      const [header] = await registry.headers([address]);
      expect(BigInt(proof.storageProof[0]?.value ?? "-1")).to.equal(header);
    }
  });
});
