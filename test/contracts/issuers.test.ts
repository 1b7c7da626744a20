import { loadFixture, time } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import { ZeroAddress } from "ethers";
import { ethers } from "hardhat";
import { fieldsOf } from "./support/outcome";
import { credIdOf, METHOD, REFRESH, SUSPENSION } from "./support/registry";

const ABOUT = "https://example.com/about.json";
const REASON = "https://example.com/reason.json";

async function freshRegistry() {
  const [owner, issuer, stranger] = await ethers.getSigners();
  if (!owner || !issuer || !stranger) throw new Error("The network has too few accounts.");
  const credentials = await ethers.deployContract("DIDRegistry", [METHOD]);
  const registry = await ethers.deployContract("IssuerRegistry", [await credentials.getAddress(), owner.address]);
  return { registry, credentials, owner, issuer, stranger };
}

describe("accreditation", () => {
  it("is nobody's at first", async () => {
    const { registry, issuer } = await loadFixture(freshRegistry);
    expect(await registry.isAccredited(issuer.address)).to.equal(false);
    expect(fieldsOf(await registry.issuerOf(issuer.address))).to.deep.equal({
      accredited: false,
      version: 0n,
      updatedAt: 0n,
      metadataUri: "",
    });
  });

  it("is given by the owner, and announced", async () => {
    const { registry, issuer } = await loadFixture(freshRegistry);
    await expect(registry.accredit(issuer.address, ABOUT))
      .to.emit(registry, "IssuerAccredited")
      .withArgs(issuer.address, ABOUT, 1);
    expect(await registry.isAccredited(issuer.address)).to.equal(true);
    expect(fieldsOf(await registry.issuerOf(issuer.address))).to.deep.equal({
      accredited: true,
      version: 1n,
      updatedAt: BigInt(await time.latest()),
      metadataUri: ABOUT,
    });
  });

  it("is taken away by the owner with a reason, and can be given again", async () => {
    const { registry, issuer } = await loadFixture(freshRegistry);
    await registry.accredit(issuer.address, ABOUT);
    await expect(registry.discredit(issuer.address, REASON))
      .to.emit(registry, "IssuerDiscredited")
      .withArgs(issuer.address, REASON, 2);
    expect(await registry.isAccredited(issuer.address)).to.equal(false);
    expect((await registry.issuerOf(issuer.address)).metadataUri).to.equal(REASON);
    await expect(registry.accredit(issuer.address, ABOUT))
      .to.emit(registry, "IssuerAccredited")
      .withArgs(issuer.address, ABOUT, 3);
  });

  it("counts other metadata as a change, and the same metadata as none", async () => {
    const { registry, issuer } = await loadFixture(freshRegistry);
    await registry.accredit(issuer.address, ABOUT);
    await expect(registry.accredit(issuer.address, ABOUT)).not.to.emit(registry, "IssuerAccredited");
    await expect(registry.accredit(issuer.address, "")).to.emit(registry, "IssuerAccredited");
    expect((await registry.issuerOf(issuer.address)).version).to.equal(2);
  });

  it("cannot be taken from whoever has none", async () => {
    const { registry, issuer } = await loadFixture(freshRegistry);
    await expect(registry.discredit(issuer.address, REASON))
      .to.be.revertedWithCustomError(registry, "NotAccredited")
      .withArgs(issuer.address);
    await registry.accredit(issuer.address, ABOUT);
    await registry.discredit(issuer.address, REASON);
    await expect(registry.discredit(issuer.address, REASON)).to.be.revertedWithCustomError(registry, "NotAccredited");
  });

  it("is neither given nor taken by anybody else, the issuer included", async () => {
    const { registry, issuer, stranger } = await loadFixture(freshRegistry);
    await registry.accredit(issuer.address, ABOUT);
    for (const account of [issuer, stranger]) {
      await expect(registry.connect(account).accredit(stranger.address, ABOUT))
        .to.be.revertedWithCustomError(registry, "OwnableUnauthorizedAccount")
        .withArgs(account.address);
      await expect(registry.connect(account).discredit(issuer.address, REASON))
        .to.be.revertedWithCustomError(registry, "OwnableUnauthorizedAccount")
        .withArgs(account.address);
    }
  });

  it("is not for the zero address", async () => {
    const { registry } = await loadFixture(freshRegistry);
    await expect(registry.accredit(ZeroAddress, ABOUT)).to.be.revertedWithCustomError(registry, "ZeroAddress");
  });

  it("takes metadata URIs up to 2,048 bytes", async () => {
    const { registry, issuer } = await loadFixture(freshRegistry);
    await registry.accredit(issuer.address, "u".repeat(2048));
    await expect(registry.discredit(issuer.address, "u".repeat(2049)))
      .to.be.revertedWithCustomError(registry, "MetadataUriTooLong")
      .withArgs(2049, 2048);
  });
});

describe("the verification of a credential", () => {
  it("asks for an accredited, active issuer, and a credential neither revoked nor suspended", async () => {
    const { registry, credentials, issuer } = await loadFixture(freshRegistry);
    const credId = credIdOf(issuer, 7);
    const asIssuer = credentials.connect(issuer);
    const expectState = async (expected: Record<string, boolean>) => {
      const state = {
        issuer: issuer.address,
        accredited: true,
        active: true,
        revoked: false,
        suspended: false,
        valid: false,
        ...expected,
      };
      expect((await registry.credentialStates([credId])).map(fieldsOf)).to.deep.equal([state]);
      expect(await registry.verify(credId)).to.equal(state.valid);
    };
    await expectState({ accredited: false });
    await registry.accredit(issuer.address, ABOUT);
    await expectState({ valid: true });
    await asIssuer.setStatus(credId, REFRESH, true);
    await expectState({ valid: true });
    await asIssuer.setStatus(credId, SUSPENSION, true);
    await expectState({ suspended: true });
    await asIssuer.setCredentialStatus(credId, false);
    await expectState({ valid: true });
    await registry.discredit(issuer.address, REASON);
    await expectState({ accredited: false });
    await registry.accredit(issuer.address, ABOUT);
    const snapshot = (await ethers.provider.send("evm_snapshot", [])) as string;
    await asIssuer.setCredentialStatus(credId, true);
    await expectState({ revoked: true });
    await ethers.provider.send("evm_revert", [snapshot]);
    await asIssuer.deactivateDID(issuer.address);
    await expectState({ active: false });
  });

  it("tells of many in their order, of other issuers too", async () => {
    const { registry, credentials, issuer, stranger } = await loadFixture(freshRegistry);
    await registry.accredit(issuer.address, ABOUT);
    await credentials.connect(issuer).setCredentialStatus(credIdOf(issuer, 2), true);
    const asked = [credIdOf(issuer, 1), credIdOf(stranger, 1), credIdOf(issuer, 2)];
    const states = (await registry.credentialStates(asked)).map(fieldsOf);
    expect(states.map((state) => [state["issuer"], state["valid"]])).to.deep.equal([
      [issuer.address, true],
      [stranger.address, false],
      [issuer.address, false],
    ]);
    expect(await registry.credentialStates([])).to.deep.equal([]);
  });

  it("is by the registry that the constructor was given, which must be one", async () => {
    const { registry, credentials, owner, stranger } = await loadFixture(freshRegistry);
    expect(await registry.credentialStatus()).to.equal(await credentials.getAddress());
    const factory = await ethers.getContractFactory("IssuerRegistry");
    for (const wrong of [ZeroAddress, stranger.address, await registry.getAddress()]) {
      await expect(factory.deploy(wrong, owner.address))
        .to.be.revertedWithCustomError(factory, "NotCredentialStatus")
        .withArgs(wrong);
    }
  });
});

describe("the ownership of the issuer registry", () => {
  it("passes on only when the new owner accepts", async () => {
    const { registry, owner, issuer, stranger } = await loadFixture(freshRegistry);
    await registry.transferOwnership(stranger.address);
    expect(await registry.owner()).to.equal(owner.address);
    await expect(registry.connect(stranger).accredit(issuer.address, ABOUT)).to.be.revertedWithCustomError(
      registry,
      "OwnableUnauthorizedAccount",
    );
    await registry.connect(stranger).acceptOwnership();
    expect(await registry.owner()).to.equal(stranger.address);
    await registry.connect(stranger).accredit(issuer.address, ABOUT);
    await expect(registry.accredit(issuer.address, "")).to.be.revertedWithCustomError(
      registry,
      "OwnableUnauthorizedAccount",
    );
  });

  it("is accepted by nobody but the one it is offered to", async () => {
    const { registry, issuer, stranger } = await loadFixture(freshRegistry);
    await registry.transferOwnership(stranger.address);
    await expect(registry.connect(issuer).acceptOwnership()).to.be.revertedWithCustomError(
      registry,
      "OwnableUnauthorizedAccount",
    );
  });

  it("cannot be renounced", async () => {
    const { registry, owner, stranger } = await loadFixture(freshRegistry);
    await expect(registry.renounceOwnership()).to.be.revertedWithCustomError(registry, "OwnershipCannotBeRenounced");
    await expect(registry.connect(stranger).renounceOwnership()).to.be.revertedWithCustomError(
      registry,
      "OwnableUnauthorizedAccount",
    );
    expect(await registry.owner()).to.equal(owner.address);
  });

  it("never begins with the zero address", async () => {
    const { credentials } = await loadFixture(freshRegistry);
    const factory = await ethers.getContractFactory("IssuerRegistry");
    await expect(factory.deploy(await credentials.getAddress(), ZeroAddress)).to.be.revertedWithCustomError(
      factory,
      "OwnableInvalidOwner",
    );
  });
});
