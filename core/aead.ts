import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";
import { drawBytes } from "./crypto";

const ALGORITHM = "aes-256-gcm";
/** Length of a key for {@link seal} and {@link unseal}. */
export const KEY_BYTES = 32;
/** The IV length that NIST SP 800-38D §5.2.1.1 recommends. */
const IV_BYTES = 12;
/** The full tag; shorter ones make forgeries likelier (NIST SP 800-38D appendix C). */
const TAG_BYTES = 16;

/** What was sealed cannot be opened: it has another key or other associated data, or it was altered. */
export class UnsealError extends Error {
  override readonly name = "UnsealError";
}

/**
 * Encrypts and authenticates with AES-256-GCM (NIST SP 800-38D) under a random IV of 96 bits. One key may seal at most
 * 2^32 times (§8.3), else IVs repeat too likely; each plaintext may have at most 2^36 - 32 bytes (§5.2.1.1), more than
 * a Buffer holds.
 *
 * @param key 32 bytes
 * @param associatedData authenticated, not encrypted: names what the plaintext belongs to, so that it opens nowhere else
 * @returns IV, ciphertext and tag as base64url
 */
export function seal(key: Uint8Array, plaintext: string | Uint8Array, associatedData: string): string {
  const iv = drawBytes(IV_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(associatedData));
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([iv, ciphertext, cipher.getAuthTag()]).toString("base64url");
}

/**
 * The plaintext that {@link seal} sealed with the same key and associated data.
 *
 * @throws UnsealError
 */
export function unseal(key: Uint8Array, sealed: string, associatedData: string): Buffer {
  const bytes = Buffer.from(sealed, "base64url");
  if (bytes.length < IV_BYTES + TAG_BYTES) throw new UnsealError("it is too short to have been sealed");
  const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(associatedData)).setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES)), decipher.final()]);
  } catch (error) {
    throw new UnsealError("another key, other associated data, or altered bytes", { cause: error });
  }
}

/**
 * Derives a key from a secret of high entropy by HKDF-SHA256 (RFC 5869), without salt.
 *
 * @param purpose separates keys derived from one secret (the `info` of RFC 5869 §3.2)
 * @returns 32 bytes
 */
export function deriveKey(secret: string | Uint8Array, purpose: string): Buffer {
  return Buffer.from(hkdfSync("sha256", secret, "", purpose, KEY_BYTES));
}
