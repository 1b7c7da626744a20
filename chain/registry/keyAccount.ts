import { concat, dataSlice, id, keccak256, toBeHex } from "ethers";

/**
 * Accounts of ERC-7913 keys: a key is the address of a contract that verifies its signatures (20 bytes) and the public
 * key. Its account has no code and no key of secp256k1; the registry derives it from the key alone.
 */

/**
 * How an account signs: `key` with a key of secp256k1, `passkey` with another key that an ERC-7913 verifier knows (P-256,
 * WebAuthn), `contract` by what its code approves (ERC-1271).
 */
export const SIGNER_KINDS = ["key", "passkey", "contract"] as const;
export type SignerKind = (typeof SIGNER_KINDS)[number];

/** The keys that `npm run deploy` deploys a verifier for: of P-256 as they are, and of passkeys. */
export const KEY_SCHEMES = ["p256", "webauthn"] as const;
export type KeyScheme = (typeof KEY_SCHEMES)[number];

/** What `contracts/libraries/Signers.sol` puts before a key, so that its account is no other kind's. */
const TAG = id("Cairn account of an ERC-7913 key");

const VERIFIER_BYTES = 20;

/** The bytes that say how long the key is. */
const LENGTH_BYTES = 2;

/** A signature of a key account, taken apart. All are `0x` and hexadecimal digits. */
export interface KeySignature {
  /** `0x` and 40 lower-case hexadecimal digits. */
  verifier: string;
  publicKey: string;
  /** What the verifier reads. */
  signature: string;
  /** The account that the key has. */
  account: string;
}

/** An ERC-7913 key: the verifier's address and the public key, `0x` and lower-case hexadecimal digits. */
export function encodeKey(verifier: string, publicKey: string): string {
  return concat([verifier, publicKey]);
}

/** The account of a key, `0x` and 40 lower-case hexadecimal digits; the contract's `keyAccount`. */
export function keyAccountOf(key: string): string {
  return dataSlice(keccak256(concat([TAG, key])), 12);
}

/**
 * The signature of a key account in the form that the registry takes: the key's length in two bytes, the key, and the
 * signature that the key's verifier reads.
 *
 * @throws RangeError when the key is longer than 65,535 bytes
 */
export function encodeKeySignature(key: string, signature: string): string {
  return concat([toBeHex((key.length - 2) / 2, LENGTH_BYTES), key, signature]);
}

/**
 * Takes the signature of a key account apart.
 *
 * @param signature `0x` and an even number of hexadecimal digits
 * @returns null when it has another form: a key has at least one byte beside its verifier
 */
export function parseKeySignature(signature: string): KeySignature | null {
  const bytes = Buffer.from(signature.slice(2), "hex");
  if (bytes.length < LENGTH_BYTES) return null;
  const keyEnd = LENGTH_BYTES + bytes.readUInt16BE(0);
  if (keyEnd <= LENGTH_BYTES + VERIFIER_BYTES || keyEnd > bytes.length) return null;
  const part = (from: number, to?: number) => `0x${bytes.toString("hex", from, to)}`;
  return {
    verifier: part(LENGTH_BYTES, LENGTH_BYTES + VERIFIER_BYTES),
    publicKey: part(LENGTH_BYTES + VERIFIER_BYTES, keyEnd),
    signature: part(keyEnd),
    account: keyAccountOf(part(LENGTH_BYTES, keyEnd)),
  };
}
