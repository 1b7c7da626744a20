import { DomainError } from "../errors";
import { signingBytes } from "../signingBytes";
import { assertAcceptableKey, importPublicKey, verifyEd25519 } from "./ed25519";

const PROTOCOL_VERSION = "v1";

/** What a device's key is registered for: the challenge that it answers, and the key itself. */
export interface Possession {
  /** UUID of the challenge, in lower case. */
  challengeId: string;
  /** Raw Ed25519 public key, 32 bytes. */
  publicKey: Uint8Array;
}

/** The bytes that a device signs to prove that it holds the private key that it registers: version, challenge, key. */
export function possessionSigningBytes({ challengeId, publicKey }: Possession): Buffer {
  return signingBytes("cairn.gateway.possession.v1", [PROTOCOL_VERSION, challengeId, publicKey]);
}

/**
 * Refuses a key that must not be registered, and a proof that the key's holder did not make for this challenge.
 *
 * @param input.proof 64 bytes, Ed25519 over `possessionSigningBytes`
 * @throws DomainError `key.malformed`, `key.weak`, or `key.possession_unproven` when the proof is not by this key
 *   for this challenge
 */
export function assertPossession(input: Possession & { proof: Uint8Array }): void {
  assertAcceptableKey(input.publicKey);
  const key = importPublicKey(input.publicKey);
  if (verifyEd25519({ key, data: possessionSigningBytes(input), signature: input.proof })) return;
  const message =
    "The proof is not by this key for this challenge: sign the possession bytes of challenge_id and public_key.";
  throw new DomainError("key.possession_unproven", "invalid", message);
}
