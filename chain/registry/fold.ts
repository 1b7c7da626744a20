import { assertNever } from "../../core/errors";
import type { AccreditationEffect, IdentityEffect } from "./effects";
import { effectOf, type EventPlace, type RegistryEvent } from "./events";
import { positionOf } from "./position";

/** Where and when a change of state happened. */
export interface Change {
  blockNumber: number;
  blockHash: string;
  minedAt: Date;
  transactionHash: string;
}

/** Why what is known of an identity may be incomplete, and since which block. */
export interface Unverified {
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
  unverified: Unverified | null;
}

/** All that the events say of an issuer's accreditation. */
export interface IssuerState {
  accredited: boolean;
  metadataUri: string;
  version: number;
  created: Change;
  updated: Change;
  position: number;
  unverified: Unverified | null;
}

const ZERO_HASH = `0x${"0".repeat(64)}`;
const ZERO_ADDRESS = `0x${"0".repeat(40)}`;
const LATEST_DATE_MS = 8.64e15;

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
 * The state of an identity after one more event; events of others leave it as it is. A counter that skips makes the
 * identity unverified: an event is missing.
 *
 * @param before null when nothing is known of the identity
 */
export function foldDid(before: DidState | null, event: RegistryEvent): DidState {
  const state: DidState = { ...(before ?? NOTHING_KNOWN), position: positionOf(event.blockNumber, event.logIndex) };
  const effect = effectOf(event);
  switch (effect.on) {
    case "identity":
      applyToIdentity(state, effect, event);
      return state;
    case "status": {
      const { statusSequence } = effect;
      const gap = `status sequence ${statusSequence} follows ${state.statusSequence}`;
      expectNoGap(statusSequence === state.statusSequence + 1, state, event, gap);
      state.statusSequence = statusSequence;
      return state;
    }
    case "accreditation":
    case "nothing":
      return before ?? state;
    default:
      return assertNever(effect);
  }
}

function applyToIdentity(state: DidState, effect: IdentityEffect, event: EventPlace): void {
  switch (effect.kind) {
    case "registered":
      countVersion(state, event, effect.version);
      state.did = effect.did;
      state.documentUri = effect.documentUri;
      state.documentHash = hashOrNull(effect.documentHash);
      state.controller = effect.controller;
      state.active = true;
      state.created = changeOf(event);
      return;
    case "documentUpdated":
      countVersion(state, event, effect.version);
      state.documentUri = effect.documentUri;
      state.documentHash = hashOrNull(effect.documentHash);
      return;
    case "controllerChanged":
      countVersion(state, event, effect.version);
      state.controller = effect.newController;
      return;
    case "delegateAdded": {
      const { role, delegate, expiresAt, version } = effect;
      countVersion(state, event, version);
      const added = { role, delegate, expiresAt: dateOf(expiresAt) };
      state.delegates = [...without(state.delegates, role, delegate), added];
      return;
    }
    case "delegateRevoked":
      countVersion(state, event, effect.version);
      state.delegates = without(state.delegates, effect.role, effect.delegate);
      return;
    case "deactivated":
      countVersion(state, event, effect.version);
      state.active = false;
      return;
    case "nonceConsumed":
      expectNoGap(effect.nonce === state.nonce, state, event, `nonce ${effect.nonce} follows ${state.nonce}`);
      state.nonce = effect.nonce + 1;
      return;
    default:
      assertNever(effect);
  }
}

/** The state of an issuer's accreditation after one more event of the issuer registry about it. */
export function foldIssuer(before: IssuerState | null, event: RegistryEvent): IssuerState | null {
  const effect = effectOf(event);
  switch (effect.on) {
    case "accreditation":
      return decide(before, effect, event);
    case "identity":
    case "status":
    case "nothing":
      return before;
    default:
      return assertNever(effect);
  }
}

function decide(before: IssuerState | null, effect: AccreditationEffect, event: EventPlace): IssuerState {
  const { accredited, metadataUri, version } = effect;
  const change = changeOf(event);
  const state: IssuerState = {
    accredited,
    metadataUri,
    version,
    created: before?.created ?? change,
    updated: change,
    position: positionOf(event.blockNumber, event.logIndex),
    unverified: before?.unverified ?? null,
  };
  const last = before?.version ?? 0;
  expectNoGap(version === last + 1, state, event, `version ${version} follows ${last}`);
  return state;
}

/** Where and when an event happened, as states keep it. */
export function changeOf({ blockNumber, blockHash, minedAt, transactionHash }: EventPlace): Change {
  return { blockNumber, blockHash, minedAt, transactionHash };
}

function countVersion(state: DidState, event: EventPlace, version: number): void {
  expectNoGap(version === state.version + 1, state, event, `version ${version} follows ${state.version}`);
  state.version = version;
  state.updated = changeOf(event);
}

/** The first gap stays on record: only folding again from complete events removes it. */
function expectNoGap(follows: boolean, state: { unverified: Unverified | null }, event: EventPlace, gap: string): void {
  if (!follows) state.unverified ??= { reason: gap, sinceBlock: event.blockNumber };
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
