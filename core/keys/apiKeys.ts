import { Schema } from "mongoose";
import { randomId, randomToken } from "../crypto";
import { equalsInConstantTime, sha256Hex } from "../hash";
import { DomainError } from "../errors";

/** The kinds of accounts that have API keys, and the prefix of their keys. */
export const API_KEY_PREFIXES = { issuer: "CAIRN-ISS-", verifier: "CAIRN-VER-", admin: "CAIRN-ADM-" } as const;
export type ApiKeyKind = keyof typeof API_KEY_PREFIXES;

/** An API key as it is stored: only its SHA-256, so that a leaked database gives nobody a key. */
export interface ApiKeyRecord {
  id: string;
  hash: string;
  createdAt: Date;
  revokedAt: Date | null;
}

/** How a key is stored within its account's document. */
export const apiKeySchema = new Schema<ApiKeyRecord>(
  {
    id: { type: String, required: true },
    hash: { type: String, required: true },
    createdAt: { type: Date, required: true },
    revokedAt: { type: Date, default: null },
  },
  { _id: false },
);

/** Makes an API key. @returns the key, to be shown once, and the record to store */
export function createApiKey(kind: ApiKeyKind, now: Date): { key: string; record: ApiKeyRecord } {
  const key = randomToken(API_KEY_PREFIXES[kind]);
  return { key, record: { id: randomId(), hash: hashApiKey(key), createdAt: now, revokedAt: null } };
}

/** The hash that a key is stored and found by. */
export function hashApiKey(key: string): string {
  return sha256Hex(key);
}

/**
 * The record among an account's keys that a presented key belongs to.
 *
 * @throws DomainError `api_key.unknown`, `api_key.revoked`
 */
export function requireApiKey(records: ApiKeyRecord[] | undefined, key: string): ApiKeyRecord {
  const hash = hashApiKey(key);
  const record = records?.find((candidate) => equalsInConstantTime(candidate.hash, hash));
  if (record === undefined) {
    throw new DomainError(
      "api_key.unknown",
      "unauthenticated",
      "No account has this API key: check that it is complete.",
    );
  }
  if (record.revokedAt !== null) {
    const message = "This API key was revoked: use the account's present one.";
    throw new DomainError("api_key.revoked", "unauthenticated", message);
  }
  return record;
}
