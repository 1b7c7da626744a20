import { type EventName, type EventPlace, type RegistryEvent, STATUS_EVENTS } from "./events";
import { positionOf } from "./position";

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

const ZERO_HASH = `0x${"0".repeat(64)}`;
const ZERO_ADDRESS = `0x${"0".repeat(40)}`;
const LATEST_DATE_MS = 8.64e15;

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

/** Where and when an event happened, as states keep it. */
export function changeOf({ blockNumber, blockHash, minedAt, transactionHash }: EventPlace): Change {
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
