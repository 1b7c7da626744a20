import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";

/** Length of an Ed25519 seed (RFC 8032 §5.1.5), in bytes. */
const SEED_BYTES = 32;

/** What precedes the seed in PKCS #8 (RFC 8410 §7). */
const PKCS8_HEADER = Buffer.from("302e020100300506032b657004220420", "hex");

const SEED = /^[A-Za-z0-9_-]{43}=?$/;

/**
 * Reads the private key by which a service is known to others.
 *
 * @param text PKCS #8 as PEM, with `\n` for line feeds where the text is one line, or the base64url of an Ed25519 seed
 * @returns undefined when it is no private Ed25519 key
 */
export function parseServiceKey(text: string): KeyObject | undefined {
  const trimmed = text.trim();
  if (SEED.test(trimmed)) return keyOfSeed(Buffer.from(trimmed, "base64url"));
  try {
    const key = createPrivateKey({ key: trimmed.replaceAll("\\n", "\n"), format: "pem" });
    return key.asymmetricKeyType === "ed25519" ? key : undefined;
  } catch {
    // Neither form: whoever asked says what is expected, and does not print what was given.
    return undefined;
  }
}

/** The raw public key of an Ed25519 key, 32 bytes as base64url: what `GATEWAY_SERVICE_PUBLIC_KEYS` lists. */
export function publicKeyOf(key: KeyObject): string {
  return createPublicKey(key).export({ format: "jwk" }).x ?? "";
}

function keyOfSeed(seed: Buffer): KeyObject | undefined {
  if (seed.length !== SEED_BYTES) return undefined;
  return createPrivateKey({ key: Buffer.concat([PKCS8_HEADER, seed]), format: "der", type: "pkcs8" });
}
