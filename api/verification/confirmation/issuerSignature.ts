import { type CryptoKey, compactVerify, decodeJwt, importJWK } from "jose";

/** A signing key as an issuer's DID document shows it. */
export interface AssertionKey {
  /** `<did>#<kid>` */
  id: string;
  publicKeyJwk: { kty: string; crv: string; x: string; y?: string; alg: string };
}

/** What a credential's payload says, as far as a verification builds on it. */
export interface SignedContent {
  iss: string;
  jti: string;
  exp: number;
  credentialSubject: Record<string, unknown> & { id: string };
}

/** Imported keys by their public parts; only a bound. */
const MAX_KEYS = 1_000;
const imported = new Map<string, Promise<CryptoKey | Uint8Array>>();

/**
 * Verifies the issuer's signature of a credential (VC-JOSE-COSE §3.1.1; JWS, RFC 7515 §5.2).
 *
 * @param keys those that may sign by the document the chain names
 * @returns what was signed; null when it was signed by none of them, is no credential, or cannot be read
 */
export async function verifyCredential(jwt: string, keys: AssertionKey[]): Promise<SignedContent | null> {
  try {
    const { payload } = await compactVerify(jwt, async ({ kid, alg, typ }) => {
      const key = keys.find(({ id }) => id === kid);
      // RFC 8725 §3.1, §3.11: the algorithm follows from the key, and the type is said explicitly.
      if (key === undefined || key.publicKeyJwk.alg !== alg || typ !== "vc+jwt")
        throw new Error("not a key of the issuer");
      return importOnce(key);
    });
    return JSON.parse(Buffer.from(payload).toString("utf8")) as SignedContent;
  } catch {
    // Whatever is wrong with it, it is not the issuer's signature; nothing more is said to who presents it.
    return null;
  }
}

/** The id of the credential that a JWT claims to be, its signature not verified; null when it claims none. */
export function credentialIdOf(jwt: string): string | null {
  try {
    const { jti } = decodeJwt(jwt);
    return /^urn:uuid:([0-9a-f-]{36})$/.exec(jti ?? "")?.[1] ?? null;
  } catch {
    // No JWT at all.
    return null;
  }
}

/** The claims of a credential that its issuer signed: what is said of the subject beside its id. */
export function claimsOf(signed: SignedContent | null): Record<string, unknown> {
  if (signed === null) throw new RangeError("a presentation passed without an issuer's signature");
  const { id: _subject, ...claims } = signed.credentialSubject;
  return claims;
}

/** The claims of a credential whose signature was verified before. */
export function readClaims(jwt: string): Record<string, unknown> {
  const [, payload = ""] = jwt.split(".");
  return claimsOf(JSON.parse(Buffer.from(payload, "base64url").toString("utf8")) as SignedContent);
}

function importOnce({ publicKeyJwk }: AssertionKey): Promise<CryptoKey | Uint8Array> {
  const cacheKey = `${publicKeyJwk.crv} ${publicKeyJwk.x}`;
  const known = imported.get(cacheKey);
  if (known !== undefined) return known;
  if (imported.size >= MAX_KEYS) imported.clear();
  const importing = importJWK(publicKeyJwk);
  imported.set(cacheKey, importing);
  return importing;
}
