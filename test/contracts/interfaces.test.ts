import { loadFixture } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import { EventFragment, FunctionFragment, type Interface, toBeHex } from "ethers";
import { ethers } from "hardhat";
import { domainOf } from "./support/consents";
import { emptyRegistry } from "./support/registry";

/** What can never be changed once it is deployed: indexers and wallets read these. */
const EVENTS = [
  "ControllerChanged(address indexed identity, address indexed controller, uint256 version)",
  "ControllerRotated(address indexed identity, address indexed controller, bytes32 commitment, uint256 version)",
  "CredentialRevoked(address indexed issuer, bytes32 indexed credId, uint256 statusSequence)",
  "DIDDeactivated(address indexed identity, uint256 version)",
  "DIDRegistered(address indexed identity, string documentUri, bytes32 documentHash, uint256 version)",
  "DelegateAdded(address indexed identity, bytes32 indexed role, address indexed delegate, uint64 expiresAt, uint256 version)",
  "DelegateRevoked(address indexed identity, bytes32 indexed role, address indexed delegate, uint256 version)",
  "DigestAnchored(address indexed identity, bytes32 indexed digest, uint256 anchorSequence)",
  "DocumentUpdated(address indexed identity, string documentUri, bytes32 documentHash, uint256 version)",
  "EIP712DomainChanged()",
  "NonceConsumed(address indexed identity, address indexed signer, uint256 nonce)",
  "NoncesCancelled(address indexed identity, address indexed signer, uint256 firstNonce, uint256 nextNonce)",
  "RevocationMasksSet(address indexed issuer, uint256[] words, uint256[] masks, uint256 statusSequence)",
  "RevocationWordsSet(address indexed issuer, uint256 firstWord, uint256[] masks, uint256 statusSequence)",
  "StatusCleared(address indexed issuer, bytes32 indexed credId, uint8 purpose, uint256 statusSequence)",
  "StatusMasksCleared(address indexed issuer, uint8 indexed purpose, uint256[] words, uint256[] masks, uint256 statusSequence)",
  "StatusMasksSet(address indexed issuer, uint8 indexed purpose, uint256[] words, uint256[] masks, uint256 statusSequence)",
  "StatusSet(address indexed issuer, bytes32 indexed credId, uint8 purpose, uint256 statusSequence)",
  "StatusWordsCleared(address indexed issuer, uint8 indexed purpose, uint256 firstWord, uint256[] masks, uint256 statusSequence)",
  "StatusWordsSet(address indexed issuer, uint8 indexed purpose, uint256 firstWord, uint256[] masks, uint256 statusSequence)",
  "SuccessorNamed(address indexed identity, bytes32 commitment, uint256 version)",
];

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

  it("have these events, with these arguments indexed", async () => {
    const { registry } = await loadFixture(emptyRegistry);
    const events = registry.interface.fragments.flatMap((fragment) =>
      fragment instanceof EventFragment ? [fragment.format("full").replace("event ", "")] : [],
    );
    expect(events.sort()).to.deep.equal(EVENTS);
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
