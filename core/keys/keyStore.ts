/**
 * What a key signs and how:
 * - `EdDSA`: Ed25519 (RFC 8032) over the data, 64 bytes
 * - `ES256`: ECDSA on P-256 over the data's SHA-256, r and s, 64 bytes (RFC 7518 §3.4)
 * - `ethereum`: ECDSA on secp256k1 over a digest of 32 bytes, r, s (low) and v (27 or 28), 65 bytes
 * - `HS256`: HMAC-SHA256 over the data, 32 bytes
 */
export type KeyAlgorithm = "EdDSA" | "ES256" | "ethereum" | "HS256";

/** The public half of a key as a JSON Web Key (RFC 7517, RFC 8037). */
export interface PublicJwk {
  kty: "OKP" | "EC";
  crv: "Ed25519" | "P-256";
  x: string;
  y?: string;
}

/** What is public of a key. */
export interface KeyDescription {
  keyId: string;
  algorithm: KeyAlgorithm;
  /** Of `EdDSA` and `ES256` keys; null otherwise. */
  publicJwk: PublicJwk | null;
  /** Of `ethereum` keys, `0x` and 40 lower-case hexadecimal digits; null otherwise. */
  address: string | null;
}

/**
 * Holds private keys and signs with them; no private key ever leaves it. The operations are those of a cloud key
 * management service, so that one can be put behind this interface without a change of its callers.
 */
export interface KeyStore {
  /** Makes a key. With a `keyId` that exists already, of the same algorithm, that key is returned instead. */
  create(algorithm: KeyAlgorithm, keyId?: string): Promise<KeyDescription>;
  /** @throws DomainError `key.unknown` */
  describe(keyId: string): Promise<KeyDescription>;
  /**
   * @param data what the algorithm signs; for `ethereum` the digest itself
   * @throws DomainError `key.unknown`
   */
  sign(keyId: string, data: Uint8Array): Promise<Uint8Array>;
  /** Destroys a key for good; nothing happens where there is none. */
  destroy(keyId: string): Promise<void>;
}
