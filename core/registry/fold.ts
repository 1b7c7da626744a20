import { type EventName, type EventPlace, type RegistryEvent, STATUS_PURPOSES, type StatusPurpose } from "./events";
import { placeOfCredential, positionOf, type WordKey, wordAfter } from "./events";

/** Where and when a change of state happened. */
export interface Change {
  blockNumber: number;
  blockHash: string;
  minedAt: Date;
  transactionHash: string;
}

/** Why what is known of an identity may be incomplete, and since which block. */
export interface Doubt {
  reason: string;
  sinceBlock: number;
}

/** An account's role for an identity. */
export interface Delegation {
  /** 32 bytes in hexadecimal. */
  role: string;
  delegate: string;
  /** The first moment at which the role no longer holds; what lies beyond a Date's range is its latest moment. */
  expiresAt: Date;
}

/** All that the events say of an identity. Before its registration `version` is 0 and the texts are empty. */
export interface DidState {
  did: string;
  documentUri: string;
  /** SHA-256 of the hosted document, 32 bytes in hexadecimal; null when none was given. */
  documentHash: string | null;
  controller: string;
  delegates: Delegation[];
  active: boolean;
  version: number;
  statusSequence: number;
  nonce: number;
  created: Change | null;
  /** The last change that counted in `version`. */
  updated: Change | null;
  /** Position of the last event folded in. */
  position: number;
  unverified: Doubt | null;
}

/** All that the events say of an issuer's accreditation. */
export interface IssuerState {
  accredited: boolean;
  metadataUri: string;
  version: number;
  created: Change;
  updated: Change;
  position: number;
  unverified: Doubt | null;
}

/** One word of an issuer's bitmap. */
export interface WordState {
  issuer: string;
  purpose: StatusPurpose;
  word: WordKey;
  /** 32 bytes in hexadecimal; the first bit is the lowest index. */
  bits: string;
  updated: Change;
  position: number;
}

const ZERO_HASH = `0x${"0".repeat(64)}`;
const ZERO_ADDRESS = `0x${"0".repeat(40)}`;
const LATEST_DATE_MS = 8.64e15;

/** The events that change an issuer's status words and count in its `statusSequence`. */
export const STATUS_EVENTS = [
  "CredentialRevoked",
  "CredentialSuspended",
  "CredentialReinstated",
  "StatusWordChanged",
  "RevocationWordsSet",
  "SuspensionWordsSet",
] as const satisfies readonly EventName[];

const DID_EVENTS: ReadonlySet<EventName> = new Set<EventName>([
  "DIDRegistered",
  "DocumentUpdated",
  "ControllerChanged",
  "DelegateAdded",
  "DelegateRevoked",
  "DIDDeactivated",
  "NonceConsumed",
  ...STATUS_EVENTS,
]);

/** Whether an event changes what is known of an identity. */
export function concernsDid(event: RegistryEvent): boolean {
  return DID_EVENTS.has(event.name);
}

/** Whether an event changes an issuer's accreditation. */
export function concernsIssuer(event: RegistryEvent): boolean {
  return event.name === "IssuerAccredited" || event.name === "IssuerDiscredited";
}

const NOTHING_KNOWN: DidState = {
  did: "",
  documentUri: "",
  documentHash: null,
  controller: ZERO_ADDRESS,
  delegates: [],
  active: false,
  version: 0,
  statusSequence: 0,
  nonce: 0,
  created: null,
  updated: null,
  position: -1,
  unverified: null,
};

/**
 * The state of an identity after one more event; events of others leave it as it is.
 * A counter that skips puts the identity in doubt: an event is missing.
 *
 * @param before null when nothing is known of the identity
 */
export function foldDid(before: DidState | null, event: RegistryEvent): DidState {
  const state: DidState = { ...(before ?? NOTHING_KNOWN), position: positionOf(event.blockNumber, event.logIndex) };
  switch (event.name) {
    case "DIDRegistered": {
      const { did, documentUri, documentHash, controller, version } = event.args;
      const change = changeOf(event);
      countVersion(state, event, version);
      const document = { did, documentUri, documentHash: hashOrNull(documentHash) };
      return { ...state, ...document, controller, active: true, created: change, updated: change };
    }
    case "DocumentUpdated":
      countVersion(state, event, event.args.version);
      state.documentUri = event.args.documentUri;
      state.documentHash = hashOrNull(event.args.documentHash);
      return state;
    case "ControllerChanged":
      countVersion(state, event, event.args.version);
      state.controller = event.args.newController;
      return state;
    case "DelegateAdded": {
      const { role, delegate, expiresAt, version } = event.args;
      countVersion(state, event, version);
      const added = { role, delegate, expiresAt: dateOf(expiresAt) };
      state.delegates = [...without(state.delegates, role, delegate), added];
      return state;
    }
    case "DelegateRevoked":
      countVersion(state, event, event.args.version);
      state.delegates = without(state.delegates, event.args.role, event.args.delegate);
      return state;
    case "DIDDeactivated":
      countVersion(state, event, event.args.version);
      state.active = false;
      return state;
    case "NonceConsumed":
      doubtUnless(event.args.nonce === state.nonce, state, event, `nonce ${event.args.nonce} follows ${state.nonce}`);
      state.nonce = event.args.nonce + 1;
      return state;
    case "CredentialRevoked":
    case "CredentialSuspended":
    case "CredentialReinstated":
    case "StatusWordChanged":
    case "RevocationWordsSet":
    case "SuspensionWordsSet": {
      const { statusSequence } = event.args;
      const fault = `status sequence ${statusSequence} follows ${state.statusSequence}`;
      doubtUnless(statusSequence === state.statusSequence + 1, state, event, fault);
      state.statusSequence = statusSequence;
      return state;
    }
    default:
      return before ?? state;
  }
}

/** The state of an issuer's accreditation after one more event of the issuer registry about it. */
export function foldIssuer(before: IssuerState | null, event: RegistryEvent): IssuerState | null {
  if (event.name !== "IssuerAccredited" && event.name !== "IssuerDiscredited") return before;
  const { metadataUri, version } = event.args;
  const expected = (before?.version ?? 0) + 1;
  const change = changeOf(event);
  const state: IssuerState = {
    accredited: event.name === "IssuerAccredited",
    metadataUri,
    version,
    created: before?.created ?? change,
    updated: change,
    position: positionOf(event.blockNumber, event.logIndex),
    unverified: before?.unverified ?? null,
  };
  doubtUnless(version === expected, state, event, `version ${version} follows ${expected - 1}`);
  return state;
}

/** The `_id`s of the words that an event writes, `<issuer>:<purpose>:<word>`; none for other events. */
export function wordIdsOf(event: RegistryEvent): string[] {
  return writesOf(event).map(({ purpose, word }) => wordIdOf({ issuer: event.subject, purpose, word }));
}

/** The `_id` of a word. */
export function wordIdOf(word: Pick<WordState, "issuer" | "purpose" | "word">): string {
  return `${word.issuer}:${word.purpose}:${word.word}`;
}

/**
 * One word after one more event that writes it; other events leave it as it is.
 *
 * @param id the word's `_id`
 * @param before null when the word was never written: all its bits are zero
 */
export function foldWord(id: string, before: WordState | null, event: RegistryEvent): WordState | null {
  const write = writesOf(event).find(({ purpose, word }) => wordIdOf({ issuer: event.subject, purpose, word }) === id);
  if (write === undefined) return before;
  return {
    issuer: event.subject,
    purpose: write.purpose,
    word: write.word,
    bits: write.bits(before?.bits ?? ZERO_HASH),
    updated: changeOf(event),
    position: positionOf(event.blockNumber, event.logIndex),
  };
}

interface WordWrite {
  purpose: StatusPurpose;
  word: WordKey;
  bits(before: string): string;
}

function writesOf(event: RegistryEvent): WordWrite[] {
  switch (event.name) {
    case "CredentialRevoked":
      return [bitWrite("revocation", event.args.credId, true)];
    case "CredentialSuspended":
      return [bitWrite("suspension", event.args.credId, true)];
    case "CredentialReinstated":
      return [bitWrite("suspension", event.args.credId, false)];
    case "StatusWordChanged": {
      const { purpose, word, bits } = event.args;
      return [{ purpose: purposeOf(purpose), word, bits: () => bits }];
    }
    case "RevocationWordsSet":
      return wholeWords("revocation", event.args.firstWord, event.args.words);
    case "SuspensionWordsSet":
      return wholeWords("suspension", event.args.firstWord, event.args.words);
    default:
      return [];
  }
}

function wholeWords(purpose: StatusPurpose, firstWord: WordKey, words: string[]): WordWrite[] {
  return words.map((bits, offset) => ({ purpose, word: wordAfter(firstWord, offset), bits: () => bits }));
}

function bitWrite(purpose: StatusPurpose, credId: string, value: boolean): WordWrite {
  const { word, bit } = placeOfCredential(credId);
  return { purpose, word, bits: (before) => withBit(before, bit, value) };
}

/** 32 bytes in hexadecimal with one bit changed; bit 0 is the most significant of the first byte. */
function withBit(bits: string, bit: number, value: boolean): string {
  const at = 2 + (bit >> 2);
  const mask = 8 >> (bit & 3);
  const digit = Number.parseInt(bits.charAt(at), 16);
  return bits.slice(0, at) + (value ? digit | mask : digit & ~mask).toString(16) + bits.slice(at + 1);
}

function purposeOf(index: number): StatusPurpose {
  const purpose = STATUS_PURPOSES[index];
  if (purpose === undefined) throw new RangeError(`the contract knows no status purpose ${index}`);
  return purpose;
}

function changeOf({ blockNumber, blockHash, minedAt, transactionHash }: EventPlace): Change {
  return { blockNumber, blockHash, minedAt, transactionHash };
}

function countVersion(state: DidState, event: RegistryEvent, version: number): void {
  doubtUnless(version === state.version + 1, state, event, `version ${version} follows ${state.version}`);
  state.version = version;
  state.updated = changeOf(event);
}

/** The first doubt stays: only folding again from complete events removes it. */
function doubtUnless(sound: boolean, state: { unverified: Doubt | null }, event: EventPlace, reason: string): void {
  if (!sound) state.unverified ??= { reason, sinceBlock: event.blockNumber };
}

function without(delegates: Delegation[], role: string, delegate: string): Delegation[] {
  return delegates.filter((held) => held.role !== role || held.delegate !== delegate);
}

function hashOrNull(hash: string): string | null {
  return hash === ZERO_HASH ? null : hash;
}

function dateOf(decimalSeconds: string): Date {
  return new Date(Math.min(Number(decimalSeconds) * 1000, LATEST_DATE_MS));
}
