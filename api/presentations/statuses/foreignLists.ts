import { decodeBitstring, getBit } from "../../../chain/status/bitstring";
import { addSeconds } from "../../../core/clock";
import { DomainError } from "../../../core/errors";
import type { LruCache } from "../../../core/lruCache";
import { isObject, type Json, type JsonObject } from "../../../core/json";
import { type ParsedJws, parseJws, verifyJws } from "../../../core/keys/verifyJws";
import type { IssuerKey, KeyPorts, ProvenCredential } from "../formats/rules";
import { dateOf, earlier, timeOf } from "../formats/times";
import { invalid, PresentationRejection } from "../rejection";
import {
  MAX_LIST_BYTES,
  readStatusListToken,
  requireValid,
  type StatusListEntry,
  type TokenStatusList,
} from "./tokenStatusList";

export interface ForeignListDeps extends Pick<KeyPorts, "issuerKey"> {
  /** Fetches a list: https, public addresses, bounded. @throws TransientError */
  fetchList(url: string, accept: string): Promise<Buffer>;
  /** Lists by address, while they may be used. */
  lists: LruCache<CachedList>;
}

/** A list that was verified. */
export type CachedList = { usableUntil: Date } & (
  { kind: "token"; list: TokenStatusList } | { kind: "bitstring"; issuer: string; purpose: string; bytes: Uint8Array }
);

/** How long a bitstring list without a ttl of its own may be used. */
const DEFAULT_TTL_SECONDS = 300;
const MAX_TTL_SECONDS = 3600;

/**
 * Rejects a credential that a foreign Token Status List (draft-ietf-oauth-status-list §8.3) does not call valid.
 *
 * @throws PresentationRejection
 * @throws TransientError when the list cannot be had
 */
export async function requireListedValid(
  deps: ForeignListDeps,
  { uri, index }: StatusListEntry,
  now: Date,
): Promise<void> {
  const cached = deps.lists.get(uri);
  if (cached?.kind === "token" && cached.usableUntil > now) {
    requireValid(cached.list, index);
    return;
  }
  const jws = await fetchSigned(deps, uri, "application/statuslist+jwt");
  const { iss } = jws.payload;
  await requireTrusted(deps, jws, typeof iss === "string" ? iss : undefined);
  const list = readStatusListToken(jws, uri, now);
  deps.lists.set(uri, { kind: "token", usableUntil: list.usableUntil, list });
  requireValid(list, index);
}

/**
 * Rejects a credential whose bit is set in a foreign W3C status list (Bitstring Status List v1.0 §3.2). The list must be
 * signed by the credential's own issuer.
 *
 * @throws PresentationRejection
 * @throws TransientError when the list cannot be had
 */
export async function requireBitClear(
  deps: ForeignListDeps,
  { issuer }: ProvenCredential,
  entry: JsonObject,
  now: Date,
): Promise<void> {
  const { statusListCredential: url, statusListIndex: place, statusPurpose: purpose } = entry;
  const index = Number(place);
  if (typeof url !== "string" || typeof purpose !== "string" || !Number.isSafeInteger(index) || index < 0) {
    throw rejected("The credential's status entry is malformed.");
  }
  // Other purposes, such as refresh or message, do not speak against a credential.
  if (purpose !== "revocation" && purpose !== "suspension") return;
  const list = await readBitstringList(deps, url, now);
  if (list.issuer !== issuer) throw rejected("The status list is another issuer's.");
  if (list.purpose !== purpose) throw rejected("The status list has another purpose.");
  if (!bitOf(list.bytes, index)) return;
  if (purpose === "suspension") throw invalid("credential_suspended", "The credential is suspended.");
  throw invalid("credential_revoked", "The credential is revoked.");
}

async function readBitstringList(
  deps: ForeignListDeps,
  url: string,
  now: Date,
): Promise<Extract<CachedList, { kind: "bitstring" }>> {
  const cached = deps.lists.get(url);
  if (cached?.kind === "bitstring" && cached.usableUntil > now) return cached;
  const jws = await fetchSigned(deps, url, "application/vc+jwt, application/jwt");
  const { iss, vc, exp } = jws.payload;
  const credential = isObject(vc) ? vc : jws.payload;
  const issuer = iss ?? idOf(credential["issuer"]);
  if (typeof issuer !== "string") throw rejected("The status list names no issuer.");
  await requireTrusted(deps, jws, issuer);
  const validUntil = earlier(dateOf(exp, "exp"), timeOf(credential["validUntil"], "validUntil"));
  if (validUntil !== null && validUntil <= now) throw rejected("The status list expired.");
  const { credentialSubject: subject } = credential;
  const { encodedList, statusPurpose, ttl } = isObject(subject) ? subject : {};
  if (typeof encodedList !== "string" || typeof statusPurpose !== "string") {
    throw rejected("The status list credential holds no list.");
  }
  // §2.2: ttl is in milliseconds.
  const seconds = typeof ttl === "number" && ttl > 0 ? Math.min(ttl / 1000, MAX_TTL_SECONDS) : DEFAULT_TTL_SECONDS;
  const usableUntil = earlier(addSeconds(now, seconds), validUntil) ?? now;
  const list = { kind: "bitstring", issuer, purpose: statusPurpose, bytes: decode(encodedList), usableUntil } as const;
  deps.lists.set(url, list);
  return list;
}

async function fetchSigned({ fetchList }: ForeignListDeps, url: string, accept: string): Promise<ParsedJws> {
  const body = await fetched(fetchList(url, accept));
  try {
    return parseJws(body.toString("ascii").trim());
  } catch {
    throw rejected("The status list is no compact JWS.");
  }
}

/** An address from which nothing may be fetched is the issuer's error, not an outage. */
async function fetched(fetching: Promise<Buffer>): Promise<Buffer> {
  try {
    return await fetching;
  } catch (error) {
    if (error instanceof DomainError) throw rejected("The status list's address is not one to fetch from.");
    throw error;
  }
}

async function requireTrusted(
  { issuerKey }: ForeignListDeps,
  jws: ParsedJws,
  issuer: string | undefined,
): Promise<void> {
  const { key, distrust } = await keyOf(issuerKey(issuer, jws.header));
  if (distrust !== null) throw rejected(`The status list's issuer is not trusted: ${distrust}`);
  if (!verifyJws(jws, key)) throw rejected("The status list is not signed by its issuer.");
}

/** The holder has answered by now: a list whose signer is unknown closes the request like any other bad list. */
async function keyOf(finding: Promise<IssuerKey>): Promise<IssuerKey> {
  try {
    return await finding;
  } catch (error) {
    if (error instanceof PresentationRejection) throw rejected(`The status list's issuer: ${error.message}`);
    throw error;
  }
}

function decode(encodedList: string): Uint8Array {
  try {
    return decodeBitstring(encodedList, MAX_LIST_BYTES);
  } catch (error) {
    if (error instanceof DomainError) throw rejected("The status list cannot be decompressed, or is too long.");
    throw error;
  }
}

function bitOf(bytes: Uint8Array, index: number): boolean {
  try {
    return getBit(bytes, index);
  } catch (error) {
    if (error instanceof DomainError) throw rejected("The credential's index is beyond the end of its status list.");
    throw error;
  }
}

function idOf(issuer: Json | undefined): Json | undefined {
  return isObject(issuer) ? issuer["id"] : issuer;
}

function rejected(message: string) {
  return invalid("status_invalid", message);
}
