import { randomBytes, randomFillSync, randomInt as nodeRandomInt, randomUUID } from "node:crypto";

const TOKEN_BYTES = 32;
/** Random bytes not given out yet: asking the system costs as much for a hundred tokens as for one. */
const stock = Buffer.alloc(TOKEN_BYTES * 128);
let drawn = stock.length;

/**
 * A fresh secret of 256 random bits: `<prefix><43 characters base64url>`.
 * Only its `sha256Hex` (core/hash.ts) is stored.
 */
export function randomToken(prefix = ""): string {
  if (drawn === stock.length) {
    randomFillSync(stock);
    drawn = 0;
  }
  const secret = stock.subarray(drawn, drawn + TOKEN_BYTES);
  drawn += TOKEN_BYTES;
  const token = prefix + secret.toString("base64url");
  // What was given out is kept nowhere.
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
