import { assertNever } from "../../core/errors";
import { valueOrNull } from "./answerWords";
import type { AccreditationEffect, IdentityEffect } from "./effects";
import { effectOf, type EventPlace, type RegistryEvent } from "./events";
import { parseNonce } from "./nonce";
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
  /** The identity's version at which the role was given: the grant of the delegate's nonces. Prolonging keeps it. */
  grantVersion: number;
  /** How many of the delegate's nonces of this grant are spent. */
  nonceCount: number;
}

/**
 * All that the events say of an identity. One without an event controls itself, is active and not registered: its
 * version is 0 ({@link implicitDid}).
 */
export interface DidState {
  /** The change that published a document on the chain; null while none did: the identity is not registered. */
  registration: Change | null;
  /** Empty while none was published. */
  documentUri: string;
  /** SHA-256 of the hosted document, 32 bytes in hexadecimal; null when none was given. */
  documentHash: string | null;
  controller: string;
  /** Commitment to the account that may take control, 32 bytes in hexadecimal; null when none is named. */
  successor: string | null;
  /** Only those that hold: a change of control ends all. */
  delegates: Delegation[];
  active: boolean;
  version: number;
  /** The version at which control last changed: the grant of the controller's nonces. */
  controlVersion: number;
  statusSequence: number;
  anchorSequence: number;
  /** How many nonces of controllers are spent. */
  nonceCount: number;
  /** The first change that counted in `version`. */
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

const LATEST_DATE_MS = 8.64e15;

/** The state of an identity that no event is about. */
export function implicitDid(address: string): DidState {
  return {
    registration: null,
    documentUri: "",
    documentHash: null,
    controller: address,
    successor: null,
    delegates: [],
    active: true,
    version: 0,
    controlVersion: 0,
    statusSequence: 0,
    anchorSequence: 0,
    nonceCount: 0,
    created: null,
    updated: null,
    position: -1,
    unverified: null,
  };
}

/**
 * The state of an identity after one more event about it. A counter that skips makes the identity unverified: an event
 * is missing.
 *
 * @param before null when the event is the first
 */
export function foldDid(before: DidState | null, event: RegistryEvent): DidState {
  const state: DidState = {
    ...(before ?? implicitDid(event.subject)),
    position: positionOf(event.blockNumber, event.logIndex),
  };
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
    case "documentUpdated":
      countVersion(state, event, effect.version);
      state.registration ??= changeOf(event);
      state.documentUri = effect.documentUri;
      state.documentHash = valueOrNull(effect.documentHash);
      return;
    case "controllerChanged":
      countVersion(state, event, effect.version);
      changeControl(state, effect);
      return;
    case "controllerRotated":
      countVersion(state, event, effect.version);
      changeControl(state, effect);
      state.successor = valueOrNull(effect.commitment);
      return;
    case "successorNamed":
      countVersion(state, event, effect.version);
      state.successor = valueOrNull(effect.commitment);
      return;
    case "delegateAdded":
      countVersion(state, event, effect.version);
      addDelegate(state, effect, event);
      return;
    case "delegateRevoked":
      countVersion(state, event, effect.version);
      state.delegates = without(state.delegates, effect.role, effect.delegate);
      return;
    case "deactivated":
      countVersion(state, event, effect.version);
      state.active = false;
      return;
    case "noncesSpent":
      spendNonces(state, effect, event);
      return;
    case "digestAnchored": {
      const { anchorSequence } = effect;
      const gap = `anchor ${anchorSequence} follows ${state.anchorSequence}`;
      expectNoGap(anchorSequence === state.anchorSequence + 1, state, event, gap);
      state.anchorSequence = anchorSequence;
      return;
    }
    default:
      assertNever(effect);
  }
}

/** A delegation lives only while it is younger than the last change of control, and nonces are counted from there. */
function changeControl(state: DidState, { controller, version }: { controller: string; version: number }): void {
  state.controller = controller;
  state.controlVersion = version;
  state.nonceCount = 0;
  state.delegates = [];
}

type DelegateAdded = Extract<IdentityEffect, { kind: "delegateAdded" }>;

/** Prolonging a role that still holds keeps its grant and the count of its nonces. */
function addDelegate(state: DidState, effect: DelegateAdded, { minedAt }: EventPlace): void {
  const { role, delegate, version } = effect;
  const expiresAt = dateOf(effect.expiresAt);
  const held = state.delegates.find((other) => other.role === role && other.delegate === delegate);
  const kept = held !== undefined && held.expiresAt > minedAt ? held : { grantVersion: version, nonceCount: 0 };
  const { grantVersion, nonceCount } = kept;
  const added = { role, delegate, expiresAt, grantVersion, nonceCount };
  state.delegates = [...without(state.delegates, role, delegate), added];
}

type NoncesSpent = Extract<IdentityEffect, { kind: "noncesSpent" }>;

/** The grant says whose nonces they are: the controller's, or a delegate's by one of its roles. */
function spendNonces(state: DidState, effect: NoncesSpent, event: EventPlace): void {
  const first = parseNonce(effect.firstNonce);
  const next = parseNonce(effect.nextNonce);
  if (first.grant === state.controlVersion) {
    expectNoGap(first.count === state.nonceCount, state, event, `nonce ${first.count} follows ${state.nonceCount}`);
    state.nonceCount = next.count;
    return;
  }
  const holder = state.delegates.find(({ grantVersion }) => grantVersion === first.grant);
  const spent = holder?.nonceCount ?? 0;
  const gap = `nonce ${first.count} of the role given at version ${first.grant} follows ${spent}`;
  expectNoGap(holder !== undefined && first.count === spent, state, event, gap);
  state.delegates = state.delegates.map((held) => (held === holder ? { ...held, nonceCount: next.count } : held));
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
  state.created ??= state.updated;
}

/** The first gap stays on record: only folding again from complete events removes it. */
function expectNoGap(follows: boolean, state: { unverified: Unverified | null }, event: EventPlace, gap: string): void {
  if (!follows) state.unverified ??= { reason: gap, sinceBlock: event.blockNumber };
}

function without(delegates: Delegation[], role: string, delegate: string): Delegation[] {
  return delegates.filter((held) => held.role !== role || held.delegate !== delegate);
}

function dateOf(decimalSeconds: string): Date {
  return new Date(Math.min(Number(decimalSeconds) * 1000, LATEST_DATE_MS));
}
