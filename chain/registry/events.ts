import type { WordKey } from "./statusWord";

/**
 * The events of both registries as Cairn stores them. Values are plain: addresses and hashes are lower-case `0x…`,
 * counters are numbers, a word's position is {@link WordKey}, what may exceed 2^53 is a decimal string.
 */

/** The contracts whose events are indexed. */
export type RegistryName = "DIDRegistry" | "IssuerRegistry";

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
    /** Index into `STATUS_PURPOSES`. */
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
