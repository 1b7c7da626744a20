import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/**
 * SHA-256 as 64 hexadecimal characters. Right for secrets of high entropy (tokens, API keys); passwords need Argon2id.
 */
export function sha256Hex(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/** SHA-256 (FIPS 180-4), 32 raw bytes. */
export function sha256(data: string | Uint8Array): Buffer {
  return createHash("sha256").update(data).digest();
}

/** HMAC-SHA256 (RFC 2104), raw bytes. */
export function hmacSha256(key: string | Uint8Array, data: string | Uint8Array): Buffer {
  return createHmac("sha256", key).update(data).digest();
}

/**
 * Whether two strings are equal, in time that does not depend on where they differ.
 * Both sides are hashed first, so that their lengths do not show either.
 */
export function equalsInConstantTime(left: string, right: string): boolean {
  const leftHash = createHash("sha256").update(left).digest();
  const rightHash = createHash("sha256").update(right).digest();
  return timingSafeEqual(leftHash, rightHash);
}

/**
 * The identifier that follows from a name, the same in every process: UUID version 8 (RFC 9562 §5.8) of its SHA-256.
 *
 * @returns in lower case
 */
export function uuidOfName(name: string): string {
  const bytes = sha256(name).subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
