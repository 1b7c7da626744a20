import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/signers";
import { ethers } from "hardhat";
import { formatCredId } from "../../../chain/status/credId";
import type { DIDRegistry } from "../../../typechain-types";

export const METHOD = "mychain";

/** 28 bytes, as in the gas goals. */
export const URI = "https://example.com/did.json";

export const DOCUMENT_HASH = `0x${"5a".repeat(32)}`;

export const STATUS_ROLE = ethers.encodeBytes32String("status");

export const FOREVER = 2n ** 64n - 1n;

/** The values of `StatusPurpose`. */
export const REVOCATION = 0n;
export const SUSPENSION = 1n;

export interface Accounts {
  holder: HardhatEthersSigner;
  issuer: HardhatEthersSigner;
  delegate: HardhatEthersSigner;
  stranger: HardhatEthersSigner;
  relayer: HardhatEthersSigner;
}

/** The DID of an address under the tests' method. */
export function didOf(address: string): string {
  return `did:${METHOD}:${address.toLowerCase()}`;
}

/** The credential id of an issuer's credential. */
export function credIdOf(issuer: { address: string }, index: bigint | number): string {
  return formatCredId({ issuer: issuer.address, index });
}

/** A fresh registry in which nobody is registered. */
export async function emptyRegistry(): Promise<{ registry: DIDRegistry } & Accounts> {
  const [holder, issuer, delegate, stranger, relayer] = await ethers.getSigners();
  if (!holder || !issuer || !delegate || !stranger || !relayer) throw new Error("The network has too few accounts.");
  const registry = await ethers.deployContract("DIDRegistry", [METHOD]);
  return { registry, holder, issuer, delegate, stranger, relayer };
}

/** A registry in which the holder and the issuer are registered, and the issuer's delegate has the status role. */
export async function usedRegistry(): Promise<{ registry: DIDRegistry } & Accounts> {
  const world = await emptyRegistry();
  const { registry, holder, issuer, delegate } = world;
  await register(registry, holder);
  await register(registry, issuer);
  await registry.connect(issuer).addDelegate(issuer.address, STATUS_ROLE, delegate.address, FOREVER);
  return world;
}

/** Registers an account's own DID. */
export async function register(registry: DIDRegistry, account: HardhatEthersSigner): Promise<void> {
  await registry.connect(account)["registerDID(string,string,bytes32)"](didOf(account.address), URI, DOCUMENT_HASH);
}
