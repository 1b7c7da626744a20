import { loadFixture } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import { formatCredId, MAX_CREDENTIAL_INDEX, statusPosition } from "../../chain/status/credId";
import { credIdOf, REVOCATION, SUSPENSION, usedRegistry } from "./support/registry";

describe("revoking a credential", () => {
  it("sets its bit for good, and is announced with the credential and the sequence", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const credId = credIdOf(issuer, 7);
    await expect(registry.connect(issuer).setCredentialStatus(credId, true))
      .to.emit(registry, "CredentialRevoked")
      .withArgs(issuer.address, credId, 1);
    expect(await registry.isCredentialRevoked(credId)).to.equal(true);
    expect(await registry.credentialStatus(credId)).to.deep.equal([true, false]);
  });

  it("touches no other credential", async () => {
    const { registry, issuer, holder } = await loadFixture(usedRegistry);
    await registry.connect(issuer).setCredentialStatus(credIdOf(issuer, 7), true);
    for (const other of [credIdOf(issuer, 6), credIdOf(issuer, 8), credIdOf(issuer, 263), credIdOf(holder, 7)]) {
      expect(await registry.isCredentialRevoked(other)).to.equal(false);
    }
  });

  it("cannot be undone by anything", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const asIssuer = registry.connect(issuer);
    const credId = credIdOf(issuer, 7);
    await asIssuer.setCredentialStatus(credId, true);
    for (const attempt of [
      () => asIssuer.setCredentialStatus(credId, false),
      () => asIssuer.setCredentialStatuses([credId], false),
      () => asIssuer.suspendCredential(credId),
      () => asIssuer.suspendCredentials([credId]),
      () => asIssuer.setStatusWords(issuer.address, REVOCATION, 0, [0n]),
    ]) {
      await expect(attempt()).to.be.revertedWithCustomError(registry, "RevocationIsFinal").withArgs(credId);
    }
    await asIssuer.setStatusWords(issuer.address, SUSPENSION, 0, [0n]);
    expect(await registry.isCredentialRevoked(credId)).to.equal(true);
  });

  it("twice costs no event and no write", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const asIssuer = registry.connect(issuer);
    await asIssuer.setCredentialStatus(credIdOf(issuer, 7), true);
    const receipt = await (await asIssuer.setCredentialStatus(credIdOf(issuer, 7), true)).wait();
    expect(receipt?.logs).to.deep.equal([]);
    expect((await registry.resolveDID(issuer.address)).statusSequence).to.equal(1);
  });

  it("works for the last index as for the first", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const asIssuer = registry.connect(issuer);
    for (const index of [0n, MAX_CREDENTIAL_INDEX]) {
      await asIssuer.setCredentialStatus(credIdOf(issuer, index), true);
      const { word, mask } = statusPosition(index);
      expect(await registry.statusWords(issuer.address, REVOCATION, word, 1)).to.deep.equal([mask]);
    }
  });

  it("revokes a suspended credential too", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const asIssuer = registry.connect(issuer);
    await asIssuer.suspendCredential(credIdOf(issuer, 7));
    await asIssuer.setCredentialStatus(credIdOf(issuer, 7), true);
    expect(await registry.credentialStatus(credIdOf(issuer, 7))).to.deep.equal([true, true]);
  });

  it("of nobody's credential is impossible", async () => {
    const { registry } = await loadFixture(usedRegistry);
    const issuer = `0x${"00".repeat(20)}`;
    await expect(registry.setCredentialStatus(formatCredId({ issuer, index: 0 }), true))
      .to.be.revertedWithCustomError(registry, "NotRegistered")
      .withArgs(issuer);
  });
});

describe("suspending a credential", () => {
  it("is announced, and lifted again, each with the next sequence", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const asIssuer = registry.connect(issuer);
    const credId = credIdOf(issuer, 7);
    await expect(asIssuer.suspendCredential(credId))
      .to.emit(registry, "CredentialSuspended")
      .withArgs(issuer.address, credId, 1);
    expect(await registry.credentialStatus(credId)).to.deep.equal([false, true]);
    await expect(asIssuer.setCredentialStatus(credId, false))
      .to.emit(registry, "CredentialReinstated")
      .withArgs(issuer.address, credId, 2);
    expect(await registry.credentialStatus(credId)).to.deep.equal([false, false]);
  });

  it("twice, or lifting what is not suspended, costs no event", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const asIssuer = registry.connect(issuer);
    await asIssuer.suspendCredential(credIdOf(issuer, 7));
    for (const repeat of [
      () => asIssuer.suspendCredential(credIdOf(issuer, 7)),
      () => asIssuer.setCredentialStatus(credIdOf(issuer, 8), false),
    ]) {
      expect((await (await repeat()).wait())?.logs).to.deep.equal([]);
    }
    expect((await registry.resolveDID(issuer.address)).statusSequence).to.equal(1);
  });

  it("leaves the document's version alone", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const before = await registry.resolveDID(issuer.address);
    await registry.connect(issuer).suspendCredential(credIdOf(issuer, 7));
    const after = await registry.resolveDID(issuer.address);
    expect([after.version, after.updatedBlock]).to.deep.equal([before.version, before.updatedBlock]);
  });
});
