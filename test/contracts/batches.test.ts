import { loadFixture } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import { credIdOf, REVOCATION, SUSPENSION, usedRegistry } from "./support/registry";
import { event, outcomeOf } from "./support/outcome";

function bits(...positions: number[]): bigint {
  return positions.reduce((word, position) => word | (1n << BigInt(255 - position)), 0n);
}

describe("a batch of credential ids", () => {
  it("writes each word once and announces it once, with the word and what changed in it", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const asIssuer = registry.connect(issuer);
    await asIssuer.setCredentialStatus(credIdOf(issuer, 1), true);
    const credIds = [0, 1, 2, 255, 256, 512, 513].map((index) => credIdOf(issuer, index));
    const outcome = await outcomeOf(registry.interface, asIssuer.setCredentialStatuses(credIds, true));
    expect(outcome)
      .to.have.property("events")
      .that.deep.equals([
        event("StatusWordChanged", issuer.address, 0n, 0n, bits(0, 1, 2, 255), bits(0, 2, 255), 2n),
        event("StatusWordChanged", issuer.address, 0n, 1n, bits(0), bits(0), 3n),
        event("StatusWordChanged", issuer.address, 0n, 2n, bits(0, 1), bits(0, 1), 4n),
      ]);
    expect(await registry.statusWords(issuer.address, REVOCATION, 0, 3)).to.deep.equal([
      bits(0, 1, 2, 255),
      bits(0),
      bits(0, 1),
    ]);
    expect((await registry.resolveDID(issuer.address)).statusSequence).to.equal(4);
  });

  it("suspends and reinstates", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const asIssuer = registry.connect(issuer);
    const credIds = [3, 4, 300].map((index) => credIdOf(issuer, index));
    await asIssuer.suspendCredentials(credIds);
    expect(await registry.statusWords(issuer.address, SUSPENSION, 0, 2)).to.deep.equal([bits(3, 4), bits(44)]);
    const outcome = await outcomeOf(registry.interface, asIssuer.setCredentialStatuses(credIds.slice(1), false));
    expect(outcome)
      .to.have.property("events")
      .that.deep.equals([
        event("StatusWordChanged", issuer.address, 1n, 0n, bits(3), bits(4), 3n),
        event("StatusWordChanged", issuer.address, 1n, 1n, 0n, bits(44), 4n),
      ]);
  });

  it("costs no event when nothing would change", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const asIssuer = registry.connect(issuer);
    const credIds = [3, 300].map((index) => credIdOf(issuer, index));
    await asIssuer.setCredentialStatuses(credIds, true);
    const again = await outcomeOf(registry.interface, asIssuer.setCredentialStatuses(credIds, true));
    expect(again).to.have.property("events").that.deep.equals([]);
    const nothing = await outcomeOf(registry.interface, asIssuer.setCredentialStatuses([credIdOf(issuer, 9)], false));
    expect(nothing).to.have.property("events").that.deep.equals([]);
    expect((await registry.resolveDID(issuer.address)).statusSequence).to.equal(2);
  });

  it("accepts any order and repetitions", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const credIds = [300, 3, 301, 3, 2, 2].map((index) => credIdOf(issuer, index));
    await registry.connect(issuer).setCredentialStatuses(credIds, true);
    expect(await registry.statusWords(issuer.address, REVOCATION, 0, 2)).to.deep.equal([bits(2, 3), bits(44, 45)]);
  });

  it("changes nothing at all when one of its credentials cannot change", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const asIssuer = registry.connect(issuer);
    await asIssuer.setCredentialStatuses([credIdOf(issuer, 301), credIdOf(issuer, 303)], true);
    const credIds = [3, 300, 303, 301].map((index) => credIdOf(issuer, index));
    await expect(asIssuer.suspendCredentials(credIds))
      .to.be.revertedWithCustomError(registry, "RevocationIsFinal")
      .withArgs(credIdOf(issuer, 301));
    expect(await registry.statusWords(issuer.address, SUSPENSION, 0, 2)).to.deep.equal([0n, 0n]);
  });

  it("is of one issuer, at whatever place the other's credential stands", async () => {
    const { registry, issuer, holder } = await loadFixture(usedRegistry);
    const asIssuer = registry.connect(issuer);
    const theirs = credIdOf(holder, 2);
    for (const credIds of [
      [credIdOf(issuer, 2), theirs],
      [credIdOf(issuer, 1), credIdOf(issuer, 2), theirs, credIdOf(issuer, 3)],
      [credIdOf(issuer, 256), theirs],
    ]) {
      await expect(asIssuer.setCredentialStatuses(credIds, true))
        .to.be.revertedWithCustomError(registry, "MixedIssuers")
        .withArgs(issuer.address, theirs);
    }
    await expect(asIssuer.setCredentialStatuses([theirs, credIdOf(issuer, 2)], true))
      .to.be.revertedWithCustomError(registry, "NotStatusAuthority")
      .withArgs(holder.address, issuer.address);
    expect(await registry.isCredentialRevoked(theirs)).to.equal(false);
  });

  it("is not empty", async () => {
    const { registry } = await loadFixture(usedRegistry);
    await expect(registry.setCredentialStatuses([], true)).to.be.revertedWithCustomError(registry, "EmptyBatch");
    await expect(registry.suspendCredentials([])).to.be.revertedWithCustomError(registry, "EmptyBatch");
  });
});
