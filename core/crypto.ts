import { randomBytes, randomFillSync, randomInt as nodeRandomInt, randomUUID } from "node:crypto";

const TOKEN_BYTES = 32;
/** Random bytes for the next tokens: the system call costs as much for a hundred tokens as for one. */
const pool = Buffer.alloc(TOKEN_BYTES * 128);
let usedBytes = pool.length;

/**
 * A fresh secret of 256 random bits: `<prefix><43 characters base64url>`.
 * Only its `sha256Hex` (core/hash.ts) is stored.
 */
export function randomToken(prefix = ""): string {
  if (usedBytes === pool.length) {
    randomFillSync(pool);
    usedBytes = 0;
  }
  const secret = pool.subarray(usedBytes, usedBytes + TOKEN_BYTES);
  usedBytes += TOKEN_BYTES;
  const token = prefix + secret.toString("base64url");
  // No copy of a token stays in memory here.
  secret.fill(0);
  return token;
}

/** Fresh random bytes, for instance an IV or a salt. */
export function drawBytes(count: number): Buffer {
  return randomBytes(count);
}

/** A fresh identifier that is not a secret: UUID version 4 (RFC 9562). */
export function randomId(): string {
  return randomUUID();
}

/**
 * A fresh nonce for EIP-4361, which allows letters and digits only: 32 hexadecimal characters, 128 bits.
 */
export function randomNonce(): string {
  return randomBytes(16).toString("hex");
}

/** A whole number drawn evenly from `[0, belowExclusive)`. */
export function randomInt(belowExclusive: number): number {
  return nodeRandomInt(belowExclusive);
}

/** A number drawn from `[0, 1)`, for jitter. */
export function randomFraction(): number {
  return nodeRandomInt(2 ** 32) / 2 ** 32;
}
