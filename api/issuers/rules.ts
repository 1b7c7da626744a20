import { getAddress } from "ethers";
import { CONTEXT } from "../../chain/did/contexts";
import { DomainError } from "../../core/errors";

/** The algorithms an issuer may sign credentials with. */
export const SIGNING_ALGORITHMS = ["EdDSA", "ES256"] as const;
export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number];

/** The public half of a signing key as a JSON Web Key (RFC 7517). */
export interface SigningJwk {
  kty: "OKP" | "EC";
  crv: "Ed25519" | "P-256";
  x: string;
  y?: string;
}

/** A key the issuer signs credentials with. */
export interface SigningKey {
  /** RFC 7638 thumbprint; the fragment of its id in the DID document. */
  kid: string;
  algorithm: SigningAlgorithm;
  /** The key store's name of it. */
  keyId: string;
  publicJwk: SigningJwk;
  createdAt: Date;
  /** Signs no new credentials since, and stays in the document for those it signed. */
  retiredAt: Date | null;
  /** Not in the document since, so that every credential it signed fails verification. */
  withdrawnAt: Date | null;
}

/** One version of an issuer's DID document, as the bytes its digest on-chain is of. */
export interface PublishedDocument {
  /** SHA-256 of `body`, `0x` and 64 lower-case hexadecimal digits. */
  hash: string;
  body: string;
  createdAt: Date;
}

/** What an issuer's DID document is made of. */
export interface DocumentSubject {
  did: string;
  chainId: number;
  /** The identity, `0x` and 40 hexadecimal digits; it controls itself. */
  address: string;
  keys: Pick<SigningKey, "kid" | "publicJwk" | "withdrawnAt">[];
}

/**
 * The bytes of an issuer's DID document (DID 1.0 §5): the account that controls it, and every signing key that was not
 * withdrawn, as a `JsonWebKey2020` that may assert: the name under which
 * libraries know a key in JWK form.
 */
export function writeDocument({ did, chainId, address, keys }: DocumentSubject): string {
  const published = keys.filter(({ withdrawnAt }) => withdrawnAt === null);
  const controlling = `${did}#controller`;
  return JSON.stringify({
    "@context": [CONTEXT.did.v1, CONTEXT.jsonWebKey, CONTEXT.recoveryMethod],
    id: did,
    verificationMethod: [
      {
        id: controlling,
        type: "EcdsaSecp256k1RecoveryMethod2020",
        controller: did,
        blockchainAccountId: `eip155:${chainId}:${getAddress(address)}`,
      },
      ...published.map(({ kid, publicJwk }) => ({
        id: `${did}#${kid}`,
        type: "JsonWebKey2020",
        controller: did,
        publicKeyJwk: { ...publicJwk, kid, alg: publicJwk.crv === "Ed25519" ? "EdDSA" : "ES256" },
      })),
    ],
    authentication: [controlling],
    assertionMethod: [controlling, ...published.map(({ kid }) => `${did}#${kid}`)],
  });
}

/** A key of an issuer's DID document that may assert. */
export interface AssertionKey {
  /** `<did>#<kid>` */
  id: string;
  publicKeyJwk: SigningJwk & { alg: SigningAlgorithm };
}

/** The signing keys of a document made by {@link writeDocument}. */
export function readAssertionKeys(body: string): AssertionKey[] {
  const { verificationMethod } = JSON.parse(body) as { verificationMethod: Partial<AssertionKey>[] };
  return verificationMethod.filter((method): method is AssertionKey => method.publicKeyJwk !== undefined);
}

/**
 * The key to sign new credentials with: the newest that is neither retired nor withdrawn and that the document anchored
 * on-chain already shows, so that nothing is signed that nobody could verify yet.
 *
 * @throws DomainError `issuer.not_ready`
 */
export function pickSigningKey(
  keys: SigningKey[],
  documents: PublishedDocument[],
  anchoredHash: string | null,
): SigningKey {
  const anchored = documents.find(({ hash }) => hash === anchoredHash);
  const shown = new Set(
    anchored === undefined ? [] : readAssertionKeys(anchored.body).map(({ publicKeyJwk: { x } }) => x),
  );
  const usable = keys.filter((key) => key.withdrawnAt === null && shown.has(key.publicJwk.x));
  // While a rotation is under way the retired key is the only one that is anchored.
  const best = usable.filter(({ retiredAt }) => retiredAt === null).at(-1) ?? usable.at(-1);
  if (best !== undefined) return best;
  const message =
    "The issuer's DID document is not anchored on the chain yet: wait for the worker to do so, then try again.";
  throw new DomainError("issuer.not_ready", "conflict", message);
}

/**
 * The keys after `added` joined them: it signs from now on, the others retire.
 */
export function afterRotation(keys: SigningKey[], added: SigningKey): SigningKey[] {
  const retiredAt = added.createdAt;
  return [...keys.map((key) => (key.retiredAt === null ? { ...key, retiredAt } : key)), added];
}

/**
 * The keys after one was withdrawn.
 *
 * @throws DomainError `issuer.key_unknown`, `issuer.key_last` when it is the only one that could sign
 */
export function afterWithdrawal(keys: SigningKey[], kid: string, now: Date): SigningKey[] {
  if (!keys.some((key) => key.kid === kid)) {
    throw new DomainError("issuer.key_unknown", "not_found", "The issuer has no signing key of this name.");
  }
  const rest = keys.map((key) => {
    if (key.kid !== kid) return key;
    return { ...key, retiredAt: key.retiredAt ?? now, withdrawnAt: key.withdrawnAt ?? now };
  });
  if (rest.some(({ retiredAt }) => retiredAt === null)) return rest;
  const message = "This is the key the issuer signs with: rotate to another one first, then withdraw this one.";
  throw new DomainError("issuer.key_last", "conflict", message);
}

/** The rejection of an address that no issuer registered here has. */
export function issuerUnknown(): DomainError {
  return new DomainError("issuer.unknown", "not_found", "No issuer of this address is registered here.");
}
