import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { DomainError } from "../errors";

/** Length of a raw Ed25519 public key (RFC 8032 §5.1.5), in bytes. */
export const PUBLIC_KEY_BYTES = 32;

/** Length of an Ed25519 signature (RFC 8032 §5.1.6), in bytes. */
export const SIGNATURE_BYTES = 64;

/** The prime of the field, 2^255 - 19. */
const P = 2n ** 255n - 19n;

/** The sign bit of x; the lower 255 bits are y. */
const SIGN_BIT = 1n << 255n;

/** The y of two of the four points of order 8; the other two have its negative. */
const Y_OF_ORDER_8 = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n;

/** The y of every point whose order divides 8: the neutral one and those of order 4, 2 and 8. */
const SMALL_ORDER_YS = new Set([1n, 0n, P - 1n, Y_OF_ORDER_8, P - Y_OF_ORDER_8]);

/**
 * Refuses a raw public key that must not be registered. Under a key of small order a signature that needs no private
 * key fits many messages, under the neutral point all of them; a point with a second spelling could be registered as
 * two keys. `node:crypto` accepts both kinds.
 *
 * @param publicKey 32 bytes, RFC 8032 §5.1.2
 * @throws DomainError `key.malformed` when it is not 32 bytes or y is not below 2^255 - 19, `key.weak` when it is a
 *   point of small order, whichever sign it has
 */
export function assertAcceptableKey(publicKey: Uint8Array): void {
  if (publicKey.length !== PUBLIC_KEY_BYTES) {
    throw malformed(`has ${publicKey.length} bytes: an Ed25519 public key has ${PUBLIC_KEY_BYTES}`);
  }
  const y = littleEndian(publicKey) & (SIGN_BIT - 1n);
  if (y >= P) throw malformed("is not the canonical encoding of a point (RFC 8032 §5.1.3)");
  if (!SMALL_ORDER_YS.has(y)) return;
  const message = "The public key is a point of small order, which protects nothing: generate a key pair anew.";
  throw new DomainError("key.weak", "invalid", message);
}

function malformed(problem: string): DomainError {
  return new DomainError("key.malformed", "invalid", `The public key ${problem}.`);
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);
}

/**
 * Makes a key to verify with of a raw public key. Whoever verifies often keeps it.
 *
 * @param publicKey 32 bytes that `assertAcceptableKey` accepted
 * @throws RangeError when it is not 32 bytes
 */
export function importPublicKey(publicKey: Uint8Array): KeyObject {
  if (publicKey.length !== PUBLIC_KEY_BYTES) throw new RangeError(`not 32 bytes but ${publicKey.length}`);
  const x = Buffer.from(publicKey).toString("base64url");
  return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
}

/**
 * Whether a signature is the key's over the data: Ed25519 as of RFC 8032 §5.1.7, without prehash or context. An S that
 * is not below the group's order, an R in another spelling and other lengths are not; nor is anything under a key that
 * is no point of the curve.
 */
export function verifyEd25519(input: { key: KeyObject; data: Uint8Array; signature: Uint8Array }): boolean {
  return input.signature.length === SIGNATURE_BYTES && verify(null, input.data, input.key, input.signature);
}
