import { loadFixture } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import { FunctionFragment, type Interface, toBeHex } from "ethers";
import { ethers } from "hardhat";
import { domainOf } from "./support/consents";
import { emptyRegistry } from "./support/registry";

/** The ERC-165 identifier of an interface: its selectors, XORed. */
async function interfaceIdOf(name: string): Promise<string> {
  const { abi } = await ethers
    .getContractAt(name, ethers.ZeroAddress)
    .then((contract) => ({ abi: contract.interface }));
  return toBeHex(
    selectorsOf(abi).reduce((all, selector) => all ^ BigInt(selector), 0n),
    4,
  );
}

function selectorsOf(abi: Interface): string[] {
  return abi.fragments
    .filter((fragment): fragment is FunctionFragment => fragment instanceof FunctionFragment)
    .map(({ selector }) => selector);
}

describe("the registry's interfaces", () => {
  it("are told by ERC-165", async () => {
    const { registry } = await loadFixture(emptyRegistry);
    for (const name of ["IIdentity", "ICredentialStatus", "IDigestAnchor"]) {
      expect(await registry.supportsInterface(await interfaceIdOf(name)), name).to.equal(true);
    }
    expect(await registry.supportsInterface("0x01ffc9a7"), "ERC-165").to.equal(true);
    expect(await registry.supportsInterface("0x84b0196e"), "ERC-5267").to.equal(true);
    for (const other of ["0xffffffff", "0x00000000", "0x1626ba7e"]) {
      expect(await registry.supportsInterface(other), other).to.equal(false);
    }
  });

  it("have no two functions of the same name", async () => {
    const { registry } = await loadFixture(emptyRegistry);
    const names = registry.interface.fragments.flatMap((fragment) =>
      fragment instanceof FunctionFragment ? [fragment.name] : [],
    );
    expect(new Set(names).size).to.equal(names.length);
  });

  it("tell the domain of consents by ERC-5267", async () => {
    const { registry } = await loadFixture(emptyRegistry);
    const told = await registry.eip712Domain();
    const { name, version, chainId, verifyingContract } = await domainOf(registry);
    expect([told.name, told.version, told.chainId, told.verifyingContract]).to.deep.equal([
      name,
      version,
      chainId,
      verifyingContract,
    ]);
    // Name, version, chain and contract; no salt, no extensions.
    expect([told.fields, told.salt, [...told.extensions]]).to.deep.equal(["0x0f", ethers.ZeroHash, []]);
  });
});
