import { parseCredId, statusPosition } from "../../../chain/status/credId";
import { event } from "./outcome";
import { DOCUMENT_HASH, didOf, REVOCATION, STATUS_ROLE } from "./registry";

/** A refusal, by the name of the contract's error. */
export class Refusal extends Error {
  constructor(readonly error: string) {
    super(error);
  }
}

/** What an account wants the registry to do. Addresses are in checksum case, as the chain gives them. */
export type Wish =
  | { kind: "register"; did: string; documentUri: string }
  | { kind: "update"; identity: string; documentUri: string }
  | { kind: "changeController"; identity: string; newController: string }
  | { kind: "addDelegate"; identity: string; delegate: string; expiresAt: bigint }
  | { kind: "revokeDelegate"; identity: string; delegate: string }
  | { kind: "deactivate"; identity: string }
  | { kind: "burnNonce"; identity: string; nonce: bigint }
  | { kind: "setStatus"; credId: string; revoked: boolean }
  | { kind: "suspend"; credId: string }
  | { kind: "setStatuses"; credIds: string[]; revoked: boolean }
  | { kind: "suspendMany"; credIds: string[] }
  | { kind: "setWords"; issuer: string; purpose: bigint; firstWord: bigint; words: bigint[] };

/** How the wish reaches the registry: by the account's own call, or by its consent that a relayer brings. */
export interface Way {
  account: string;
  nowSeconds: bigint;
  consent?: { nonce: bigint; deadline: bigint; genuine: boolean };
}

export interface ModelIdentity {
  controller: string;
  documentUri: string;
  documentHash: string;
  version: bigint;
  statusSequence: bigint;
  nonce: bigint;
  stage: "unregistered" | "active" | "deactivated";
  delegates: Map<string, bigint>;
  words: [revoked: Map<bigint, bigint>, suspended: Map<bigint, bigint>];
}

const LAST_WORD = 2n ** 88n - 1n;

/** What the registry promises, in a few plain rules and without a thought for gas. */
export class RegistryModel {
  private readonly identities = new Map<string, ModelIdentity>();

  of(address: string): ModelIdentity {
    const key = address.toLowerCase();
    const known: ModelIdentity = this.identities.get(key) ?? {
      controller: address,
      documentUri: "",
      documentHash: "",
      version: 0n,
      statusSequence: 0n,
      nonce: 0n,
      stage: "unregistered",
      delegates: new Map(),
      words: [new Map(), new Map()],
    };
    this.identities.set(key, known);
    return known;
  }

  /** The events of a wish, or a {@link Refusal} that leaves everything as it was. */
  apply(wish: Wish, way: Way): string[] {
    const before = structuredClone(this.identities);
    try {
      return this.carryOut(wish, way);
    } catch (refusal) {
      this.identities.clear();
      before.forEach((identity, key) => this.identities.set(key, identity));
      throw refusal;
    }
  }

  private carryOut(wish: Wish, way: Way): string[] {
    const address = addressOf(wish, way.account);
    const identity = this.of(address);
    requireAuthority(wish, identity, address, way);
    const consumed = way.consent ? [consume(identity, address, way, way.consent)] : [];
    return [...consumed, ...this.effects(wish, address, identity, way)];
  }

  private effects(wish: Wish, address: string, identity: ModelIdentity, way: Way): string[] {
    switch (wish.kind) {
      case "register":
        if (wish.did !== didOf(address)) throw new Refusal("DIDMismatch");
        identity.stage = "active";
        identity.documentUri = wish.documentUri;
        identity.documentHash = DOCUMENT_HASH;
        return [
          event("DIDRegistered", address, address, wish.did, wish.documentUri, DOCUMENT_HASH, ++identity.version),
        ];
      case "update":
        if (identity.documentUri === wish.documentUri) return [];
        identity.documentUri = wish.documentUri;
        return [event("DocumentUpdated", address, wish.documentUri, DOCUMENT_HASH, ++identity.version)];
      case "changeController": {
        const previous = identity.controller;
        if (previous === wish.newController) return [];
        identity.controller = wish.newController;
        return [event("ControllerChanged", address, previous, wish.newController, ++identity.version)];
      }
      case "addDelegate":
        if (wish.expiresAt <= way.nowSeconds) throw new Refusal("DelegationAlreadyExpired");
        if (identity.delegates.get(wish.delegate) === wish.expiresAt) return [];
        identity.delegates.set(wish.delegate, wish.expiresAt);
        return [event("DelegateAdded", address, STATUS_ROLE, wish.delegate, wish.expiresAt, ++identity.version)];
      case "revokeDelegate":
        if (!identity.delegates.delete(wish.delegate)) throw new Refusal("DelegateNotFound");
        return [event("DelegateRevoked", address, STATUS_ROLE, wish.delegate, ++identity.version)];
      case "deactivate":
        identity.stage = "deactivated";
        return [event("DIDDeactivated", address, ++identity.version)];
      case "burnNonce":
        // By consent, consuming that is all there is to do.
        return way.consent ? [] : [consumeNonce(identity, address, way.account, wish.nonce)];
      case "setStatus":
        return single(identity, address, wish.credId, wish.revoked ? "revoke" : "reinstate");
      case "suspend":
        return single(identity, address, wish.credId, "suspend");
      case "setStatuses":
        return batch(identity, address, wish.credIds, wish.revoked ? "revoke" : "reinstate");
      case "suspendMany":
        return batch(identity, address, wish.credIds, "suspend");
      case "setWords":
        return writeWords(identity, address, wish);
    }
  }
}

type Change = "revoke" | "suspend" | "reinstate";

function addressOf(wish: Wish, account: string): string {
  switch (wish.kind) {
    case "register":
      return account;
    case "setStatus":
    case "suspend":
      return parseCredId(wish.credId).issuer;
    case "setStatuses":
    case "suspendMany":
      return parseCredId(wish.credIds[0] ?? "").issuer;
    case "setWords":
      return wish.issuer;
    default:
      return wish.identity;
  }
}

function requireAuthority(wish: Wish, identity: ModelIdentity, address: string, way: Way): void {
  if (wish.kind === "register") {
    if (identity.stage !== "unregistered") throw new Refusal("AlreadyRegistered");
    return;
  }
  const early = wish.kind === "burnNonce" && identity.stage === "unregistered";
  if (identity.stage === "unregistered" && !early) throw new Refusal("NotRegistered");
  if (identity.stage === "deactivated") throw new Refusal("IdentityDeactivated");
  const controller = early ? address : identity.controller;
  if (way.account.toLowerCase() === controller.toLowerCase()) return;
  const status = ["setStatus", "suspend", "setStatuses", "suspendMany", "setWords"].includes(wish.kind);
  if (!status) throw new Refusal("NotController");
  const expiresAt = identity.delegates.get(way.account) ?? 0n;
  if (way.nowSeconds >= expiresAt) throw new Refusal("NotStatusAuthority");
}

function consume(identity: ModelIdentity, address: string, way: Way, consent: NonNullable<Way["consent"]>): string {
  if (way.nowSeconds > consent.deadline) throw new Refusal("SignatureExpired");
  const consumed = consumeNonce(identity, address, way.account, consent.nonce);
  if (!consent.genuine) throw new Refusal("InvalidSignature");
  return consumed;
}

function consumeNonce(identity: ModelIdentity, address: string, signer: string, nonce: bigint): string {
  if (nonce < identity.nonce) throw new Refusal("NonceAlreadyConsumed");
  if (nonce > identity.nonce) throw new Refusal("NonceTooHigh");
  identity.nonce++;
  return event("NonceConsumed", address, signer, nonce);
}

/** Changes one bit, and says whether it was otherwise before. */
function changeBit(identity: ModelIdentity, credId: string, change: Change): boolean {
  const { word, mask } = statusPosition(parseCredId(credId).index);
  const [revoked, suspended] = identity.words;
  if (change !== "revoke" && ((revoked.get(word) ?? 0n) & mask) !== 0n) throw new Refusal("RevocationIsFinal");
  const bitmap = change === "revoke" ? revoked : suspended;
  const before = bitmap.get(word) ?? 0n;
  const after = change === "reinstate" ? before & ~mask : before | mask;
  bitmap.set(word, after);
  return before !== after;
}

function single(identity: ModelIdentity, address: string, credId: string, change: Change): string[] {
  if (!changeBit(identity, credId, change)) return [];
  const name = { revoke: "CredentialRevoked", suspend: "CredentialSuspended", reinstate: "CredentialReinstated" }[
    change
  ];
  return [event(name, address, credId, ++identity.statusSequence)];
}

/** A batch is its singles; only the events are one for each run of ids in the same word. */
function batch(identity: ModelIdentity, address: string, credIds: string[], change: Change): string[] {
  const purpose = change === "revoke" ? 0 : 1;
  const bitmap = identity.words[purpose];
  const events: string[] = [];
  for (let start = 0; start < credIds.length;) {
    const { issuer, index } = parseCredId(credIds[start] ?? "");
    if (issuer !== address.toLowerCase()) throw new Refusal("MixedIssuers");
    const { word } = statusPosition(index);
    const before = bitmap.get(word) ?? 0n;
    const sameWord = (credId: string) =>
      parseCredId(credId).issuer === issuer && parseCredId(credId).index >> 8n === word;
    const run = credIds.slice(start).findIndex((credId) => !sameWord(credId));
    const end = run === -1 ? credIds.length : start + run;
    credIds.slice(start, end).forEach((credId) => changeBit(identity, credId, change));
    const after = bitmap.get(word) ?? 0n;
    if (before !== after) {
      const sequence = ++identity.statusSequence;
      events.push(event("StatusWordChanged", address, purpose, word, after, before ^ after, sequence));
    }
    start = end;
  }
  return events;
}

function writeWords(identity: ModelIdentity, address: string, wish: Wish & { kind: "setWords" }): string[] {
  const { purpose, firstWord, words } = wish;
  if (firstWord > LAST_WORD || firstWord + BigInt(words.length) - 1n > LAST_WORD) throw new Refusal("WordOutOfRange");
  const bitmap = identity.words[purpose === REVOCATION ? 0 : 1];
  let changed = false;
  for (const [offset, bits] of words.entries()) {
    const word = firstWord + BigInt(offset);
    const before = bitmap.get(word) ?? 0n;
    if (purpose === REVOCATION && (before & bits) !== before) throw new Refusal("RevocationIsFinal");
    changed ||= before !== bits;
    bitmap.set(word, bits);
  }
  if (!changed) return [];
  const name = purpose === REVOCATION ? "RevocationWordsSet" : "SuspensionWordsSet";
  return [event(name, address, firstWord, words, ++identity.statusSequence)];
}
