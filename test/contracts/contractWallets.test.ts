import { loadFixture } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import { ZeroHash } from "ethers";
import { ethers } from "hardhat";
import { consent, type Consent } from "./support/consents";
import { credIdOf, didOf, FOREVER, URI, usedRegistry } from "./support/registry";

describe("a contract wallet", () => {
  async function withWallet() {
    const world = await usedRegistry();
    const wallet = await ethers.deployContract("ContractWallet", [world.holder.address]);
    const address = await wallet.getAddress();
    const registration = async (signer: typeof world.holder) =>
      consent({
        registry: world.registry,
        signer,
        type: "RegisterDID",
        message: { identity: address, did: didOf(address), documentUri: URI, documentHash: ZeroHash },
        identity: address,
        account: address,
      });
    return { ...world, wallet, address, registration };
  }

  it("registers and signs by ERC-1271", async () => {
    const { registry, holder, address, registration } = await loadFixture(withWallet);
    await registry.registerDIDFor(didOf(address), URI, ZeroHash, await registration(holder));
    const message = { credId: credIdOf({ address }, 4), revoked: true };
    const options = { registry, signer: holder, identity: address, account: address };
    await registry.setCredentialStatusFor(
      credIdOf({ address }, 4),
      true,
      await consent({ ...options, type: "SetCredentialStatus", message }),
    );
    expect(await registry.isCredentialRevoked(credIdOf({ address }, 4))).to.equal(true);
  });

  it("refuses a signature that its owner did not make", async () => {
    const { registry, stranger, address, registration } = await loadFixture(withWallet);
    await expect(
      registry.registerDIDFor(didOf(address), URI, ZeroHash, await registration(stranger)),
    ).to.be.revertedWithCustomError(registry, "InvalidSignature");
  });

  it("acts for itself by calling", async () => {
    const { registry, wallet, address } = await loadFixture(withWallet);
    const call = registry.interface.encodeFunctionData("registerDID(string,string)", [didOf(address), URI]);
    await wallet.execute(await registry.getAddress(), call);
    expect(await registry.controllerOf(address)).to.equal(address);
  });

  it("that does not speak ERC-1271 cannot sign", async () => {
    const { registry, holder } = await loadFixture(withWallet);
    const address = await registry.getAddress();
    const message = { identity: address, did: didOf(address), documentUri: URI, documentHash: ZeroHash };
    const options = { registry, signer: holder, type: "RegisterDID" as const, message, identity: address };
    await expect(
      registry.registerDIDFor(didOf(address), URI, ZeroHash, await consent({ ...options, account: address })),
    ).to.be.revertedWithCustomError(registry, "InvalidSignature");
  });
});

describe("a contract wallet that calls back when asked for its signature", () => {
  async function withHostileWallet() {
    const world = await usedRegistry();
    const wallet = await ethers.deployContract("ReentrantWallet");
    const address = await wallet.getAddress();
    const by: Consent = { signer: address, nonce: 0n, deadline: FOREVER, signature: "0x" };
    return { ...world, wallet, address, by };
  }

  it("can read, and finds its nonce consumed already", async () => {
    const { registry, wallet, address, by } = await loadFixture(withHostileWallet);
    await wallet.prepare(registry.interface.encodeFunctionData("nonceOf", [address]), ethers.zeroPadValue("0x01", 32));
    await expect(registry.registerDIDFor(didOf(address), URI, ZeroHash, by)).to.emit(registry, "DIDRegistered");
  });

  it("cannot change anything, neither by calling nor with the same consent", async () => {
    const { registry, wallet, address, by } = await loadFixture(withHostileWallet);
    for (const payload of [
      registry.interface.encodeFunctionData("registerDID(string,string)", [didOf(address), URI]),
      registry.interface.encodeFunctionData("registerDIDFor", [didOf(address), URI, ZeroHash, by]),
      registry.interface.encodeFunctionData("burnNonce", [address, 0]),
      registry.interface.encodeFunctionData("burnNonce", [address, 1]),
    ]) {
      await wallet.prepare(payload, "0x");
      await expect(registry.registerDIDFor(didOf(address), URI, ZeroHash, by)).to.be.revertedWithCustomError(
        registry,
        "InvalidSignature",
      );
      expect(await registry.nonceOf(address)).to.equal(0);
    }
  });

  it("cannot revoke twice with one consent as an issuer", async () => {
    const { registry, wallet, address, by } = await loadFixture(withHostileWallet);
    const register = registry.interface.encodeFunctionData("registerDID(string,string)", [didOf(address), URI]);
    await wallet.execute(await registry.getAddress(), register);
    const credId = credIdOf({ address }, 0);
    await wallet.prepare(registry.interface.encodeFunctionData("setCredentialStatus", [credId, true]), "0x");
    await expect(registry.setCredentialStatusFor(credId, true, by)).to.be.revertedWithCustomError(
      registry,
      "InvalidSignature",
    );
    expect((await registry.resolveDID(address)).statusSequence).to.equal(0);
  });
});
