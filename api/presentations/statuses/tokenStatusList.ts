import { inflateSync } from "node:zlib";
import { invalid } from "../rejection";
import { isObject, type Json } from "../../../core/json";
import { decodeBase64url, type ParsedJws } from "../../../core/keys/verifyJws";

/** A list this long tells of 32 million credentials with one bit each. */
export const MAX_LIST_BYTES = 4 * 1024 * 1024;
/** However long an issuer allows it, no list is used longer. */
const MAX_TTL_SECONDS = 3600;
const CLOCK_SKEW_SECONDS = 60;

/** Where a credential's status is in a Token Status List (draft-ietf-oauth-status-list §6.2). */
export interface StatusListEntry {
  index: number;
  uri: string;
}

/** A status list whose signature was verified. */
export interface TokenStatusList {
  bits: 1 | 2 | 4 | 8;
  bytes: Uint8Array;
  /** Until when this copy may be used. */
  usableUntil: Date;
}

/** Status types (§7.1). */
const VALID = 0;
const SUSPENDED = 2;

/**
 * Reads the `status_list` of a credential's `status`.
 *
 * @returns null when the credential names no list
 * @throws PresentationRejection `status_invalid` when it is malformed
 */
export function readStatusListEntry(status: Json | undefined): StatusListEntry | null {
  const entry = isObject(status) ? status["status_list"] : undefined;
  if (entry === undefined) return null;
  const { idx, uri } = isObject(entry) ? entry : {};
  if (typeof idx !== "number" || !Number.isSafeInteger(idx) || idx < 0 || typeof uri !== "string") {
    throw rejected("The credential's status_list is malformed.");
  }
  return { index: idx, uri };
}

/**
 * Reads a Status List Token (§5.1) whose signature was verified.
 *
 * @param uri where it was fetched from; it must be about itself, else one list could stand for another
 * @throws PresentationRejection `status_invalid`
 */
export function readStatusListToken({ header, payload }: ParsedJws, uri: string, now: Date): TokenStatusList {
  const { sub, iat, exp, ttl, status_list: list } = payload;
  const seconds = now.getTime() / 1000;
  if (header["typ"] !== "statuslist+jwt") throw rejected("The status list's typ is not statuslist+jwt.");
  if (sub !== uri) throw rejected("The status list is another one's (sub).");
  if (typeof iat !== "number" || iat > seconds + CLOCK_SKEW_SECONDS)
    throw rejected("The status list lacks a past iat.");
  if (exp !== undefined && !(typeof exp === "number" && exp > seconds)) throw rejected("The status list expired.");
  if (ttl !== undefined && !(typeof ttl === "number" && ttl > 0)) throw rejected("The status list's ttl is malformed.");
  const { bits, lst } = isObject(list) ? list : {};
  if ((bits !== 1 && bits !== 2 && bits !== 4 && bits !== 8) || typeof lst !== "string") {
    throw rejected("The status list has no bits, or a wrong number of them.");
  }
  const usableSeconds = Math.min(MAX_TTL_SECONDS, typeof ttl === "number" ? ttl : MAX_TTL_SECONDS);
  const until = Math.min(seconds + usableSeconds, typeof exp === "number" ? exp : Number.POSITIVE_INFINITY);
  return { bits, bytes: inflate(lst), usableUntil: new Date(until * 1000) };
}

/**
 * Rejects a credential that its list does not call valid (§7.1): 1 is revoked, 2 suspended, others are the
 * application's own and no reason to accept.
 *
 * @throws PresentationRejection
 */
export function requireValid({ bits, bytes }: TokenStatusList, index: number): void {
  const perByte = 8 / bits;
  const byte = bytes[Math.floor(index / perByte)];
  if (byte === undefined) throw rejected("The credential's index is beyond the end of its status list.");
  // §4.1: the first entry has the least significant bits of its byte.
  const status = (byte >> ((index % perByte) * bits)) & ((1 << bits) - 1);
  if (status === VALID) return;
  if (status === SUSPENDED) throw invalid("credential_suspended", "The credential is suspended.");
  throw invalid("credential_revoked", "The credential is revoked.");
}

function inflate(compressed: string): Uint8Array {
  try {
    return inflateSync(decodeBase64url(compressed), { maxOutputLength: MAX_LIST_BYTES });
  } catch {
    throw rejected("The status list cannot be decompressed, or is too long.");
  }
}

function rejected(message: string) {
  return invalid("status_invalid", message);
}
