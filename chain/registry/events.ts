/**
 * The events of both registries as Cairn stores them. Values are plain: addresses and hashes are lower-case `0x…`,
 * counters are numbers, a word's position is {@link WordKey}, what may exceed 2^53 is a decimal string.
 */

/** The contracts whose events are indexed. */
export type RegistryName = "DIDRegistry" | "IssuerRegistry";

/** What a bitmap says of a credential, by the names of `statusPurpose` (W3C Bitstring Status List v1.0, section 2.1). */
export type StatusPurpose = "revocation" | "suspension";

/** The purposes in the order of the contract's enum. */
export const STATUS_PURPOSES = ["revocation", "suspension"] as const satisfies readonly StatusPurpose[];

/** A status word's position, up to 2^88, as 22 lower-case hexadecimal digits: sorts as the number does. */
export type WordKey = string;

/** Arguments of every event, by its name. */
export interface EventArguments {
  DIDRegistered: {
    identity: string;
    controller: string;
    did: string;
    documentUri: string;
    /** 32 bytes in hexadecimal; zero when no digest was given. */
    documentHash: string;
    version: number;
  };
  DocumentUpdated: { identity: string; documentUri: string; documentHash: string; version: number };
  ControllerChanged: { identity: string; previousController: string; newController: string; version: number };
  /** `expiresAt`: Unix seconds in decimal, up to 2^64 - 1. */
  DelegateAdded: { identity: string; role: string; delegate: string; expiresAt: string; version: number };
  DelegateRevoked: { identity: string; role: string; delegate: string; version: number };
  DIDDeactivated: { identity: string; version: number };
  NonceConsumed: { identity: string; signer: string; nonce: number };
  CredentialRevoked: { issuer: string; credId: string; statusSequence: number };
  CredentialSuspended: { issuer: string; credId: string; statusSequence: number };
  CredentialReinstated: { issuer: string; credId: string; statusSequence: number };
  /** `bits`: the word after the change; `changed`: the bits that differ from before; both 32 bytes in hexadecimal. */
  StatusWordChanged: {
    issuer: string;
    /** Index into {@link STATUS_PURPOSES}. */
    purpose: number;
    word: WordKey;
    bits: string;
    changed: string;
    statusSequence: number;
  };
  RevocationWordsSet: { issuer: string; firstWord: WordKey; words: string[]; statusSequence: number };
  SuspensionWordsSet: { issuer: string; firstWord: WordKey; words: string[]; statusSequence: number };
  IssuerAccredited: { issuer: string; metadataUri: string; version: number };
  IssuerDiscredited: { issuer: string; metadataUri: string; version: number };
  OwnershipTransferStarted: { previousOwner: string; newOwner: string };
  OwnershipTransferred: { previousOwner: string; newOwner: string };
  EIP712DomainChanged: Record<string, never>;
}

export type EventName = keyof EventArguments;

/** The events that change an issuer's status words and count in its `statusSequence`. */
export const STATUS_EVENTS = [
  "CredentialRevoked",
  "CredentialSuspended",
  "CredentialReinstated",
  "StatusWordChanged",
  "RevocationWordsSet",
  "SuspensionWordsSet",
] as const satisfies readonly EventName[];

/** Where on the chain something happened. */
export interface EventPlace {
  blockNumber: number;
  blockHash: string;
  /** The block's time. */
  minedAt: Date;
  transactionHash: string;
  logIndex: number;
}

/** One event, decoded, with its place. */
export type RegistryEvent = {
  [Name in EventName]: EventPlace & {
    registry: RegistryName;
    name: Name;
    /** The identity or issuer the event is about; for a change of owner, the owner before. */
    subject: string;
    args: EventArguments[Name];
  };
}[EventName];

const LOGS_PER_BLOCK = 2 ** 21;

/**
 * The position of a log on the chain as one number that sorts like (block, log index).
 *
 * @throws RangeError beyond block 2^32 or 2^21 logs in one block, where the number would no longer be exact
 */
export function positionOf(blockNumber: number, logIndex: number): number {
  if (blockNumber >= 2 ** 32 || logIndex >= LOGS_PER_BLOCK) {
    throw new RangeError(`the position of log ${logIndex} in block ${blockNumber} cannot be represented`);
  }
  return blockNumber * LOGS_PER_BLOCK + logIndex;
}

/** The block of a position made by {@link positionOf}. */
export function blockOf(position: number): number {
  return Math.floor(position / LOGS_PER_BLOCK);
}

/** The {@link WordKey} of a word's position. */
export function wordKey(word: number | bigint): WordKey {
  return word.toString(16).padStart(22, "0");
}

/** The word that holds a credential's bits, and the bit's place in it, from 0 for the lowest index. */
export function placeOfCredential(credId: string): { word: WordKey; bit: number } {
  // 0x, 40 digits of the issuer, 24 of the index, whose last two are the place within a word.
  return { word: credId.slice(42, 64), bit: Number.parseInt(credId.slice(64), 16) };
}

/** The key of the word `offset` places after another. */
export function wordAfter(word: WordKey, offset: number): WordKey {
  return wordKey(BigInt(`0x${word}`) + BigInt(offset));
}
