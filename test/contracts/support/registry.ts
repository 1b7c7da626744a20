import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/signers";
import { ethers } from "hardhat";
import { formatCredId } from "../../../chain/status/credId";
import type { DIDRegistry } from "../../../typechain-types";

export const METHOD = "mychain";

/** 28 bytes, as in the gas goals. */
export const URI = "https://example.com/did.json";

export const NEW_URI = "https://example.org/new/did.json";

export const DOCUMENT_HASH = `0x${"5a".repeat(32)}`;

export const STATUS_ROLE = ethers.encodeBytes32String("status");
export const ANCHOR_ROLE = ethers.encodeBytes32String("anchor");
/** A role that the registry itself does not act upon. */
export const OTHER_ROLE = ethers.encodeBytes32String("assertionMethod");

/** Seconds. Ends of tests lie a day ahead: blocks get the time of the clock, and a busy machine takes its time. */
export const DAY = 86_400;

export const FOREVER = 2n ** 64n - 1n;

/** Purposes of a status. */
export const REVOCATION = 0n;
export const SUSPENSION = 1n;
export const REFRESH = 2n;

export interface Accounts {
  holder: HardhatEthersSigner;
  issuer: HardhatEthersSigner;
  delegate: HardhatEthersSigner;
  stranger: HardhatEthersSigner;
  relayer: HardhatEthersSigner;
}

/** A registry and who acts in it. */
export type World = { registry: DIDRegistry } & Accounts;

/** The DID of an address under the tests' method. */
export function didOf(address: string): string {
  return `did:${METHOD}:${address.toLowerCase()}`;
}

/** The credential id of an issuer's credential. */
export function credIdOf(issuer: { address: string }, index: bigint | number): string {
  return formatCredId({ issuer: issuer.address, index });
}

/** One of the salts that tests use. */
export function saltOf(number: number): string {
  return `0x${"5a17".padEnd(60, "0")}${number.toString(16).padStart(4, "0")}`;
}

/** What is committed to by naming a successor. */
export function commitmentOf(identity: string, successor: string, salt: string): string {
  const key = `${identity} ${successor} ${salt}`;
  const known = commitments.get(key);
  if (known !== undefined) return known;
  const encoded = ethers.AbiCoder.defaultAbiCoder().encode(
    ["address", "address", "bytes32"],
    [identity, successor, salt],
  );
  const commitment = ethers.keccak256(encoded);
  commitments.set(key, commitment);
  return commitment;
}

/** The random histories try the same few over and over. */
const commitments = new Map<string, string>();

/** A fresh registry in which nobody ever wrote. */
export async function emptyRegistry(): Promise<World> {
  const [holder, issuer, delegate, stranger, relayer] = await ethers.getSigners();
  if (!holder || !issuer || !delegate || !stranger || !relayer) throw new Error("The network has too few accounts.");
  const registry = await ethers.deployContract("DIDRegistry", [METHOD]);
  return { registry, holder, issuer, delegate, stranger, relayer };
}

/**
 * A registry in which the holder and the issuer are registered, and the issuer's delegate has the status role and the
 * anchor role.
 */
export async function usedRegistry(): Promise<World> {
  const world = await emptyRegistry();
  const { registry, holder, issuer, delegate } = world;
  await register(registry, holder);
  await register(registry, issuer);
  await registry.connect(issuer).addDelegate(issuer.address, STATUS_ROLE, delegate.address, FOREVER);
  await registry.connect(issuer).addDelegate(issuer.address, ANCHOR_ROLE, delegate.address, FOREVER);
  return world;
}

/** Registers an account's own DID. */
export async function register(registry: DIDRegistry, account: HardhatEthersSigner): Promise<void> {
  await registry.connect(account).registerDIDWithHash(didOf(account.address), URI, DOCUMENT_HASH);
}
