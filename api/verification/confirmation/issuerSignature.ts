import { type CryptoKey, compactVerify, decodeJwt, importJWK } from "jose";
import { isObject, parseJson } from "../../../core/json";
import { isProtocolClaim } from "../../../core/sdJwt/claimNames";
import { digestOf, discloseClaims } from "../../../core/sdJwt/disclosures";

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
 * Verifies the issuer's signature of a credential (VC-JOSE-COSE §3.1.1; RFC 9901 §7.1; JWS, RFC 7515 §5.2).
 *
 * @param credential a JWT, or an SD-JWT with its disclosures
 * @param keys those that may sign by the document the chain names
 * @returns what was signed; null when it was signed by none of them, is no credential, or cannot be read
 */
export async function verifyCredential(credential: string, keys: AssertionKey[]): Promise<SignedContent | null> {
  try {
    const { jwt, disclosures } = partsOf(credential);
    const expectedTyp = disclosures === null ? "vc+jwt" : "dc+sd-jwt";
    const { payload } = await compactVerify(jwt, async ({ kid, alg, typ }) => {
      const key = keys.find(({ id }) => id === kid);
      // RFC 8725 §3.1, §3.11: the algorithm follows from the key, and the type is said explicitly.
      if (key === undefined || key.publicKeyJwk.alg !== alg || typ !== expectedTyp)
        throw new Error("not a key of the issuer");
      return importOnce(key);
    });
    return contentOf(Buffer.from(payload).toString("utf8"), disclosures);
  } catch {
    // Whatever is wrong with it, it is not the issuer's signature; nothing more is said to who presents it.
    return null;
  }
}

/** A credential as it is written: a JWT alone, or one with disclosures and a proof of possession (RFC 9901 §4). */
interface CredentialParts {
  jwt: string;
  /** Null: it is no SD-JWT. */
  disclosures: string[] | null;
}

function partsOf(credential: string): CredentialParts {
  const [jwt = "", ...rest] = credential.split("~");
  return { jwt, disclosures: rest.length === 0 ? null : rest.slice(0, -1) };
}

/**
 * Compares what a verifier was shown with the credential that was issued.
 *
 * @returns `foreign`: what was shown, when it is not the credential; `disclosed`: the digests of the disclosures that
 *   were shown, null when all are there to be seen
 */
export function comparePresented(
  shown: string,
  issued: string,
): { foreign: string | null; disclosed: string[] | null } {
  const [presented, own] = [partsOf(shown), partsOf(issued)];
  const { disclosures } = presented;
  if (presented.jwt !== own.jwt || (disclosures === null) !== (own.disclosures === null)) {
    return { foreign: shown, disclosed: null };
  }
  if (disclosures === null || own.disclosures === null) return { foreign: null, disclosed: null };
  const known = new Set(own.disclosures);
  if (!disclosures.every((disclosure) => known.has(disclosure))) return { foreign: shown, disclosed: null };
  return { foreign: null, disclosed: disclosures.map(digestOf) };
}

/** The id of the credential that a JWT claims to be, its signature not verified; null when it claims none. */
export function credentialIdOf(credential: string): string | null {
  try {
    const { jti } = decodeJwt(partsOf(credential).jwt);
    return /^urn:uuid:([0-9a-f-]{36})$/.exec(jti ?? "")?.[1] ?? null;
  } catch {
    // No JWT at all.
    return null;
  }
}

/** What is said of the subject beside its id. */
function claimsOf(signed: SignedContent): Record<string, unknown> {
  const { id: _subject, ...claims } = signed.credentialSubject;
  return claims;
}

/**
 * The claims of a credential whose signature was verified before.
 *
 * @param disclosed digests of the disclosures that count; null: all do
 */
export function readClaims(credential: string, disclosed: string[] | null): Record<string, unknown> {
  const { jwt, disclosures } = partsOf(credential);
  const [, payload = ""] = jwt.split(".");
  const shown = disclosures?.filter((disclosure) => disclosed?.includes(digestOf(disclosure)) ?? true) ?? null;
  return claimsOf(contentOf(Buffer.from(payload, "base64url").toString("utf8"), shown));
}

function contentOf(payload: string, disclosures: string[] | null): SignedContent {
  if (disclosures === null) return JSON.parse(payload) as SignedContent;
  const signed = parseJson(payload);
  if (!isObject(signed)) throw new SyntaxError("The payload is no JSON object.");
  const claims = discloseClaims(signed, disclosures);
  const about = Object.entries(claims).filter(([name]) => !isProtocolClaim(name));
  const { iss, jti, exp, sub } = claims;
  return { iss, jti, exp, credentialSubject: { ...Object.fromEntries(about), id: sub } } as unknown as SignedContent;
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
