import { createPublicKey } from "node:crypto";
import type { Chain } from "../../chain/client";
import { formatDid } from "../../chain/did/did";
import { encodeKey, encodeKeySignature, keyAccountOf, type KeyScheme } from "../../chain/registry/keyAccount";
import { DomainError } from "../../core/errors";

/** A public key of P-256: as a JSON Web Key (RFC 7518 §6.2.1), or as its SubjectPublicKeyInfo (RFC 5480 §2) in base64url. */
export type P256PublicKey = { kty: "EC"; crv: "P-256"; x: string; y: string } | string;

/** The account of a key that is not of secp256k1, as `POST /auth/wallet/key-account` shows it. */
export interface KeyAccount {
  /** `0x` and 40 lower-case hexadecimal digits. */
  walletAddress: string;
  did: string;
  scheme: KeyScheme;
  /** The ERC-7913 key: the verifier's address and the public key's x and y, `0x` and 168 hexadecimal digits. */
  key: string;
  /** What comes before every signature of the account: the key's length in two bytes, and the key. */
  signaturePrefix: string;
}

/**
 * The account that a public key of P-256 has in the registry. Nothing is asked of the chain and nothing is stored.
 *
 * @throws DomainError `wallet.public_key_invalid` when it is no point of the curve
 * @throws DomainError `wallet.key_scheme_unavailable` when no verifier of the scheme is recorded with the deployment
 */
export function keyAccountFor(
  { deployment }: Pick<Chain, "deployment">,
  { scheme, publicKey }: { scheme: KeyScheme; publicKey: P256PublicKey },
): KeyAccount {
  const verifier = deployment.keyVerifiers?.[scheme];
  if (verifier === undefined) {
    const message = `The deployment's record names no verifier of ${scheme} keys: its operator runs npm run deploy once more.`;
    throw new DomainError("wallet.key_scheme_unavailable", "not_implemented", message);
  }
  const key = encodeKey(verifier, coordinatesOf(publicKey));
  const walletAddress = keyAccountOf(key);
  const did = formatDid(deployment.didMethod, walletAddress);
  return { walletAddress, did, scheme, key, signaturePrefix: encodeKeySignature(key, "0x") };
}

/** x and y of a public key, `0x` and 128 hexadecimal digits. */
function coordinatesOf(publicKey: P256PublicKey): string {
  const { kty, crv, x, y } = readPublicKey(publicKey);
  if (kty !== "EC" || crv !== "P-256" || x === undefined || y === undefined) throw publicKeyInvalid();
  return `0x${Buffer.from(x, "base64url").toString("hex")}${Buffer.from(y, "base64url").toString("hex")}`;
}

/** Node refuses points that are not on the curve, and gives both coordinates with all their 32 bytes. */
function readPublicKey(publicKey: P256PublicKey) {
  try {
    const read =
      typeof publicKey === "string"
        ? createPublicKey({ key: Buffer.from(publicKey, "base64url"), format: "der", type: "spki" })
        : createPublicKey({ key: publicKey, format: "jwk" });
    return read.export({ format: "jwk" });
  } catch (cause) {
    throw publicKeyInvalid(cause);
  }
}

function publicKeyInvalid(cause?: unknown): DomainError {
  const message =
    "This is no public key of P-256: give a JWK with kty EC and crv P-256, or what getPublicKey() returns in base64url.";
  return new DomainError("wallet.public_key_invalid", "invalid", message, cause === undefined ? {} : { cause });
}
