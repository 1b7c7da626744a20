import { DomainError } from "../core/errors";
import { recoverAddress } from "./signature";

/** The order n of secp256k1 (SEC 2 §2.4.1). */
const ORDER = BigInt("0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");

/**
 * The addresses whose keys give an ES256K signature (RFC 8812 §3.2): it carries no recovery bit, so two keys come into
 * question. A high `s` is allowed there; it is folded down first.
 *
 * @param digest SHA-256 of the JWS signing input, 32 bytes
 * @param signature r and s, 64 bytes
 * @returns at most two, each `0x` and 40 lower-case hexadecimal digits
 */
export function signersOf(digest: Buffer, signature: Buffer): string[] {
  const r = signature.toString("hex", 0, 32);
  const s = BigInt(`0x${signature.toString("hex", 32)}`);
  const low = (s > ORDER / 2n && s < ORDER ? ORDER - s : s).toString(16).padStart(64, "0");
  return ["1b", "1c"].flatMap((v) => recovered(`0x${digest.toString("hex")}`, `0x${r}${low}${v}`));
}

function recovered(digest: string, signature: string): string[] {
  try {
    return [recoverAddress(digest, signature)];
  } catch (error) {
    // No key gives this signature with this recovery bit.
    if (error instanceof DomainError) return [];
    throw error;
  }
}
