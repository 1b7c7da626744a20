import { SigningKey, concat, getBytes, keccak256 } from "ethers";
import { DomainError } from "../core/errors";

/** Which code recovers public keys: the native library, or ethers' JavaScript where its prebuilt binary does not load. */
export type Recovery = "native" | "javascript";

/** An ECDSA signature over secp256k1 in its only accepted form. */
export interface EthSignature {
  /** r and s, 32 bytes each. */
  compact: Uint8Array;
  yParity: 0 | 1;
}

/** Recovers the uncompressed public key, 65 bytes beginning with 0x04. Throws when there is none. */
type RecoverPublicKey = (signature: EthSignature, digest: Uint8Array) => Uint8Array;

/** The part of the package secp256k1 in use here. */
interface NativeSecp256k1 {
  ecdsaRecover(signature: Uint8Array, recoveryId: number, message: Uint8Array, compressed: boolean): Uint8Array;
}

/** n/2: beyond it lies the twin of every valid signature, which anyone can compute (EIP-2, SEC 1 §4.1). */
const HALF_ORDER = BigInt("0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0");

const bindings = loadNative();
const recoverNative: RecoverPublicKey | undefined =
  bindings && ((signature, digest) => bindings.ecdsaRecover(signature.compact, signature.yParity, digest, false));

const recoverInJavaScript: RecoverPublicKey = ({ compact, yParity }, digest) => {
  const signature = { r: hexOf(compact.subarray(0, 32)), s: hexOf(compact.subarray(32)), yParity };
  return getBytes(SigningKey.recoverPublicKey(digest, signature));
};

/** What recovers keys in this process. */
export const recovery: Recovery = recoverNative ? "native" : "javascript";

/**
 * Reads a signature of 65 bytes (r, s, v with v 0, 1, 27 or 28) or 64 bytes (EIP-2098).
 *
 * @param signature `0x` and hexadecimal digits
 * @throws DomainError `signature.malformed` on any other form, and on the malleable twin with a high `s`
 */
export function parseSignature(signature: string): EthSignature {
  if (!/^0x(?:[0-9a-fA-F]{128}|[0-9a-fA-F]{130})$/.test(signature)) {
    throw malformed("A signature is 0x and 128 or 130 hexadecimal digits.");
  }
  const bytes = getBytes(signature);
  const compact = bytes.slice(0, 64);
  const yParity = bytes.length === 64 ? takeParityFromS(compact) : parityOfV(bytes[64]);
  if (BigInt(hexOf(compact.subarray(32))) > HALF_ORDER) {
    throw malformed("The signature's s is in the upper half of the curve's order; wallets make it low (EIP-2).");
  }
  return { compact, yParity };
}

/** EIP-2098: the top bit of s carries the parity. */
function takeParityFromS(compact: Uint8Array): 0 | 1 {
  const top = compact[32] ?? 0;
  compact[32] = top & 0x7f;
  return top >> 7 === 1 ? 1 : 0;
}

function parityOfV(v: number | undefined): 0 | 1 {
  if (v === 27 || v === 0) return 0;
  if (v === 28 || v === 1) return 1;
  throw malformed("The signature's last byte is neither 27 nor 28 (nor 0 or 1).");
}

/**
 * The address whose key signed a digest.
 *
 * @param digest 32 bytes, `0x` and 64 hexadecimal digits
 * @param signature `0x` and hexadecimal digits, 64 or 65 bytes
 * @param by for measurements; otherwise the fastest that loads
 * @returns `0x` and 40 lower-case hexadecimal digits
 * @throws DomainError `signature.malformed` when the form is wrong, `s` is high, or no key gives this signature
 */
export function recoverAddress(digest: string, signature: string, by: Recovery = recovery): string {
  const parsed = parseSignature(signature);
  const recover = by === "native" ? recoverNative : recoverInJavaScript;
  if (recover === undefined) throw new RangeError("the native secp256k1 does not load on this machine");
  let publicKey: Uint8Array;
  try {
    publicKey = recover(parsed, getBytes(digest));
  } catch (error) {
    throw malformed("No key can have made this signature.", error);
  }
  return `0x${keccak256(publicKey.subarray(1)).slice(-40)}`;
}

/**
 * A signature in the one form under which it is compared: wallets write that of a key in several (v 0, 1, 27 or 28, or
 * EIP-2098), which become 65 bytes with v 27 or 28. Those of passkeys and contracts are lower-cased alone.
 *
 * @param signature `0x` and hexadecimal digits
 */
export function canonicalSignature(signature: string): string {
  try {
    return toRecoverableHex(parseSignature(signature));
  } catch (error) {
    if (error instanceof DomainError) return signature.toLowerCase();
    throw error;
  }
}

/** The 65-byte form: v is 27 or 28. */
export function toRecoverableHex({ compact, yParity }: EthSignature): string {
  return concat([compact, Uint8Array.of(27 + yParity)]);
}

function hexOf(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes).toString("hex")}`;
}

function malformed(message: string, cause?: unknown): DomainError {
  return new DomainError("signature.malformed", "invalid", message, cause === undefined ? {} : { cause });
}

/** The prebuilt binary alone: the package's own fallback, elliptic, is slower than ethers and has had signature bugs. */
function loadNative(): NativeSecp256k1 | undefined {
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- an import could not be tried and given up
    return require("secp256k1/bindings.js") as NativeSecp256k1;
  } catch {
    // No prebuild for this platform; JavaScript takes over and `recovery` says so.
    return undefined;
  }
}
