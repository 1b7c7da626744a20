import type { JWTPayload } from "jose";

/** Signature algorithms of client assertions: asymmetric ones alone (RFC 9700 §2.5). */
export const ASSERTION_ALGORITHMS = ["ES256", "ES384", "EdDSA", "Ed25519", "PS256", "RS256"] as const;

/** The value of `client_assertion_type` (RFC 7523 §2.2). */
export const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** The farthest `exp` lies ahead: so long is remembered that an assertion was used. */
export const MAX_LIFE_SECONDS = 600;
/** Clocks of clients and ours differ by so much. */
export const CLOCK_SKEW_SECONDS = 30;
const MAX_ID_LENGTH = 256;

/** The claims of an assertion that names its client, this server, its end and itself. */
export interface AssertionClaims {
  jti: string;
  /** Seconds since 1970. */
  exp: number;
}

/**
 * What is wrong with the claims of an assertion whose signature holds (RFC 7523 §3; `jti` as OpenID Connect Core §9 asks).
 *
 * @param audiences what `aud` may name: this server's issuer identifier, and the endpoints that clients put there
 */
export function readClaims(
  payload: JWTPayload,
  expected: { clientId: string; audiences: readonly string[]; now: Date },
): { claims: AssertionClaims; problem?: never } | { problem: string; claims?: never } {
  const { iss, sub, aud, exp, nbf, iat, jti } = payload;
  const now = expected.now.getTime() / 1000;
  if (iss !== expected.clientId || sub !== expected.clientId) return { problem: "iss and sub must be the client's id" };
  if (![aud ?? []].flat().some((audience) => expected.audiences.includes(audience))) {
    return { problem: `aud must be ${expected.audiences[0] ?? "this server's issuer identifier"}` };
  }
  if (typeof exp !== "number" || exp <= now - CLOCK_SKEW_SECONDS) return { problem: "exp is missing or has passed" };
  if (exp > now + MAX_LIFE_SECONDS + CLOCK_SKEW_SECONDS) {
    return { problem: `exp lies more than ${MAX_LIFE_SECONDS} seconds ahead` };
  }
  if ([nbf, iat].some((at) => at !== undefined && at > now + CLOCK_SKEW_SECONDS)) {
    return { problem: "nbf or iat lies ahead" };
  }
  if (typeof jti !== "string" || jti === "" || jti.length > MAX_ID_LENGTH) {
    return { problem: `jti must be text of 1 to ${MAX_ID_LENGTH} characters` };
  }
  return { claims: { jti, exp } };
}
