import {
  type ParsedJws,
  importJwk,
  parseJws,
  type PublicJwk,
  publicJwkOf,
  verifyJws,
} from "../../../core/keys/verifyJws";
import { issuanceError } from "./errors";

/** The algorithms with which a wallet may prove its key. */
export const PROOF_ALGORITHMS = ["ES256", "ES256K", "EdDSA", "Ed25519"];

/** How old a proof may be, in seconds. */
const MAX_AGE_SECONDS = 300;
/** How far the wallet's clock may differ from ours, in seconds. */
const CLOCK_SKEW_SECONDS = 60;

/** A key that its holder has proved to have. */
export interface ProvenKey {
  holderKey: PublicJwk;
  /** The nonce that was signed; not verified yet. */
  nonce: string;
}

/**
 * Verifies a key proof of the type `jwt` (OpenID4VCI 1.0 Appendix F.1, F.4).
 *
 * @param expected.audience the Credential Issuer Identifier
 * @throws DomainError `openid4vci.invalid_proof`
 */
export function verifyProof(jwt: string, expected: { audience: string; now: Date }): ProvenKey {
  const jws = parse(jwt);
  const { header, payload } = jws;
  if (header["typ"] !== "openid4vci-proof+jwt") throw invalid("Its typ is not openid4vci-proof+jwt.");
  const { alg } = header;
  if (typeof alg !== "string" || !PROOF_ALGORITHMS.includes(alg)) throw invalid("Its algorithm is not supported.");
  if (header["kid"] !== undefined || header["x5c"] !== undefined || header["trust_chain"] !== undefined) {
    throw invalid("Its key must be given as jwk, and in no other way.");
  }
  const holderKey = verifyKey(jws);
  // One audience: a proof for several issuers could be passed on by one of them.
  if (payload["aud"] !== expected.audience) throw invalid("It is made for another issuer (aud).");
  requireFresh(payload["iat"], payload["exp"], expected.now);
  const { nonce } = payload;
  if (typeof nonce !== "string") throw invalid("It has no nonce: ask the nonce endpoint for one.");
  return { holderKey, nonce };
}

function parse(jwt: string): ParsedJws {
  try {
    return parseJws(jwt);
  } catch (error) {
    throw invalid("It is no compact JWS.", error);
  }
}

function verifyKey(jws: ParsedJws): PublicJwk {
  try {
    const { jwk } = jws.header;
    if (verifyJws(jws, importJwk(jwk))) return publicJwkOf(jwk);
  } catch (error) {
    if (error instanceof SyntaxError) throw invalid("Its jwk is no public key that is supported.", error);
    throw error;
  }
  throw invalid("It is not signed by the key that it names.");
}

function requireFresh(issuedAt: unknown, expiresAt: unknown, now: Date): void {
  const seconds = now.getTime() / 1000;
  if (typeof issuedAt !== "number") throw invalid("It has no iat.");
  if (issuedAt > seconds + CLOCK_SKEW_SECONDS) throw invalid("It is from the future (iat).");
  if (issuedAt < seconds - MAX_AGE_SECONDS - CLOCK_SKEW_SECONDS) throw invalid("It is too old (iat).");
  const isExpired = expiresAt !== undefined && !(typeof expiresAt === "number" && expiresAt > seconds);
  if (isExpired) throw invalid("It expired (exp).");
}

function invalid(reason: string, cause?: unknown) {
  return issuanceError("invalid_proof", `The key proof is not accepted. ${reason}`, cause);
}
