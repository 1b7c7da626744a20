import { loadFixture } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import { MAX_CREDENTIAL_INDEX, statusPosition } from "../../chain/status/credId";
import { fieldsOf } from "./support/outcome";
import { credIdOf, REFRESH, REVOCATION, SUSPENSION, usedRegistry } from "./support/registry";

async function statesOf(
  registry: { credentialStates: (credIds: string[]) => Promise<unknown[]> },
  credIds: string[],
): Promise<Record<string, unknown>[]> {
  return (await registry.credentialStates(credIds)).map(fieldsOf);
}

describe("revoking a credential", () => {
  it("sets its bit for good, and is announced with the credential and the sequence", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const credId = credIdOf(issuer, 7);
    await expect(registry.connect(issuer).setCredentialStatus(credId, true))
      .to.emit(registry, "CredentialRevoked")
      .withArgs(issuer.address, credId, 1);
    expect(await registry.isCredentialRevoked(credId)).to.equal(true);
    expect(await statesOf(registry, [credId])).to.deep.equal([
      { issuer: issuer.address, active: true, revoked: true, suspended: false },
    ]);
  });

  it("is the same by purpose 0", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const credId = credIdOf(issuer, 7);
    await expect(registry.connect(issuer).setStatus(credId, REVOCATION, true))
      .to.emit(registry, "CredentialRevoked")
      .withArgs(issuer.address, credId, 1);
    expect(await registry.isCredentialRevoked(credId)).to.equal(true);
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
    const { word, mask } = statusPosition(7n);
    await asIssuer.setCredentialStatus(credId, true);
    await expect(asIssuer.setCredentialStatus(credId, false))
      .to.be.revertedWithCustomError(registry, "RevocationIsFinal")
      .withArgs(credId);
    for (const attempt of [
      () => asIssuer.setStatus(credId, REVOCATION, false),
      () => asIssuer.setStatusWords(issuer.address, REVOCATION, word, [mask], false),
      () => asIssuer.setStatusMasks(issuer.address, REVOCATION, [word], [mask], false),
      // Not even nothing can be cleared.
      () => asIssuer.setStatusWords(issuer.address, REVOCATION, word, [0n], false),
      () => asIssuer.setStatusMasks(issuer.address, REVOCATION, [], [], false),
    ]) {
      await expect(attempt()).to.be.revertedWithCustomError(registry, "RevocationCannotBeCleared");
    }
    await asIssuer.setStatusWords(issuer.address, REVOCATION, word, [0n], true);
    await asIssuer.setStatusWords(issuer.address, SUSPENSION, word, [mask], false);
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

  it("is possible for a suspended credential, and leaves it suspended", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const asIssuer = registry.connect(issuer);
    const credId = credIdOf(issuer, 7);
    await asIssuer.setStatus(credId, SUSPENSION, true);
    await asIssuer.setCredentialStatus(credId, true);
    const [state] = await statesOf(registry, [credId]);
    expect(state).to.include({ revoked: true, suspended: true });
  });

  it("is possible for an issuer that is not registered", async () => {
    const { registry, stranger } = await loadFixture(usedRegistry);
    await registry.connect(stranger).setCredentialStatus(credIdOf(stranger, 1), true);
    expect(await registry.isCredentialRevoked(credIdOf(stranger, 1))).to.equal(true);
  });
});

describe("another purpose of a credential", () => {
  for (const purpose of [SUSPENSION, REFRESH, 3n, 127n, 128n, 255n]) {
    it(`is set and cleared, each with the next sequence (purpose ${purpose})`, async () => {
      const { registry, issuer } = await loadFixture(usedRegistry);
      const asIssuer = registry.connect(issuer);
      const credId = credIdOf(issuer, 7);
      await expect(asIssuer.setStatus(credId, purpose, true))
        .to.emit(registry, "StatusSet")
        .withArgs(issuer.address, credId, purpose, 1);
      const { word, mask } = statusPosition(7n);
      expect(await registry.statusWords(issuer.address, purpose, word, 1)).to.deep.equal([mask]);
      await expect(asIssuer.setStatus(credId, purpose, false))
        .to.emit(registry, "StatusCleared")
        .withArgs(issuer.address, credId, purpose, 2);
      expect(await registry.statusWords(issuer.address, purpose, word, 1)).to.deep.equal([0n]);
    });
  }

  it("depends on no other: all 256 of them are lists of their own", async () => {
    const { registry, issuer, holder } = await loadFixture(usedRegistry);
    const asIssuer = registry.connect(issuer);
    const calls = Array.from({ length: 256 }, (_, purpose) =>
      registry.interface.encodeFunctionData("setStatusWords", [
        issuer.address,
        purpose,
        0,
        [1n << BigInt(purpose)],
        true,
      ]),
    );
    await asIssuer.multicall(calls);
    const views = (address: string) =>
      calls.map((_, purpose) => registry.interface.encodeFunctionData("statusWords", [address, purpose, 0, 2]));
    const wordsOf = async (address: string) =>
      (await registry.multicall.staticCall(views(address))).map((result) => [
        ...(registry.interface.decodeFunctionResult("statusWords", result)[0] as bigint[]),
      ]);
    expect(await wordsOf(issuer.address)).to.deep.equal(calls.map((_, purpose) => [1n << BigInt(purpose), 0n]));
    expect(await wordsOf(holder.address)).to.deep.equal(calls.map(() => [0n, 0n]));
    expect((await registry.resolveDID(issuer.address)).statusSequence).to.equal(256);
  });

  it("twice, or clearing what is not set, costs no event", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const asIssuer = registry.connect(issuer);
    await asIssuer.setStatus(credIdOf(issuer, 7), SUSPENSION, true);
    for (const repeat of [
      () => asIssuer.setStatus(credIdOf(issuer, 7), SUSPENSION, true),
      () => asIssuer.setStatus(credIdOf(issuer, 8), SUSPENSION, false),
      () => asIssuer.setCredentialStatus(credIdOf(issuer, 8), false),
    ]) {
      expect((await (await repeat()).wait())?.logs).to.deep.equal([]);
    }
    expect((await registry.resolveDID(issuer.address)).statusSequence).to.equal(1);
  });

  it("can be set of a revoked credential, and lifted by its own function alone", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const asIssuer = registry.connect(issuer);
    const credId = credIdOf(issuer, 7);
    await asIssuer.setCredentialStatus(credId, true);
    await asIssuer.setStatus(credId, SUSPENSION, true);
    await expect(asIssuer.setCredentialStatus(credId, false))
      .to.be.revertedWithCustomError(registry, "RevocationIsFinal")
      .withArgs(credId);
    await asIssuer.setStatus(credId, SUSPENSION, false);
    const [state] = await statesOf(registry, [credId]);
    expect(state).to.include({ revoked: true, suspended: false });
  });

  it("suspension is lifted by setCredentialStatus", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const asIssuer = registry.connect(issuer);
    const credId = credIdOf(issuer, 7);
    await asIssuer.setStatus(credId, SUSPENSION, true);
    await asIssuer.setStatus(credId, REFRESH, true);
    await expect(asIssuer.setCredentialStatus(credId, false))
      .to.emit(registry, "StatusCleared")
      .withArgs(issuer.address, credId, SUSPENSION, 3);
    expect(await registry.statusWords(issuer.address, REFRESH, 0, 1)).to.deep.equal([statusPosition(7n).mask]);
  });

  it("leaves the identity's version alone", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const before = await registry.resolveDID(issuer.address);
    await registry.connect(issuer).setStatus(credIdOf(issuer, 7), SUSPENSION, true);
    const after = await registry.resolveDID(issuer.address);
    expect([after.version, after.updatedAt]).to.deep.equal([before.version, before.updatedAt]);
  });
});

describe("the states of credentials", () => {
  it("are told in the order that was asked for, of many issuers", async () => {
    const { registry, issuer, holder, stranger } = await loadFixture(usedRegistry);
    await registry.connect(issuer).setCredentialStatus(credIdOf(issuer, 1), true);
    await registry.connect(issuer).setStatus(credIdOf(issuer, 2), SUSPENSION, true);
    await registry.connect(holder).setStatus(credIdOf(holder, 1), SUSPENSION, true);
    await registry.connect(holder).deactivateDID(holder.address);
    const asked = [
      credIdOf(stranger, 1),
      credIdOf(issuer, 2),
      credIdOf(holder, 1),
      credIdOf(issuer, 1),
      credIdOf(issuer, 1),
    ];
    expect(await statesOf(registry, asked)).to.deep.equal([
      { issuer: stranger.address, active: true, revoked: false, suspended: false },
      { issuer: issuer.address, active: true, revoked: false, suspended: true },
      { issuer: holder.address, active: false, revoked: false, suspended: true },
      { issuer: issuer.address, active: true, revoked: true, suspended: false },
      { issuer: issuer.address, active: true, revoked: true, suspended: false },
    ]);
    expect(await statesOf(registry, [])).to.deep.equal([]);
  });
});
