import { createHash } from "node:crypto";
import { unproven } from "../rejection";
import { isJwsAlgorithm, type ParsedJws, parseJws } from "../../../core/keys/verifyJws";

/** How old a Key Binding JWT may be, in seconds. */
const MAX_AGE_SECONDS = 300;
/** How far the wallet's clock may differ from ours, in seconds. */
export const CLOCK_SKEW_SECONDS = 60;

/** What a proof of possession must name to answer a request: OpenID4VP 1.0 §14.1.2, Annex B.3.5. */
export interface ProofTarget {
  /** The request's nonce. */
  nonce: string;
  /** The request's `client_id`, prefix included. */
  audience: string;
  now: Date;
}

/**
 * Verifies a Key Binding JWT (RFC 9901 §7.3 step 5).
 *
 * @param presented everything before the Key Binding JWT, its last `~` included
 * @param verifySignature whether the JWT is signed by the key that the issuer bound the credential to
 * @throws PresentationRejection `holder_binding_invalid`, `nonce_mismatch` or `audience_mismatch`
 */
export function verifyKeyBinding(
  keyBindingJwt: string,
  presented: string,
  verifySignature: (jws: ParsedJws) => boolean,
  { nonce, audience, now }: ProofTarget,
): void {
  let jws: ParsedJws;
  try {
    jws = parseJws(keyBindingJwt);
  } catch {
    throw rejected("The Key Binding JWT is no compact JWS.");
  }
  const { header, payload } = jws;
  if (header["typ"] !== "kb+jwt") throw rejected("The Key Binding JWT's typ is not kb+jwt.");
  if (!isJwsAlgorithm(header["alg"])) throw rejected("The Key Binding JWT's algorithm is not allowed.");
  if (!verifySignature(jws)) throw rejected("The Key Binding JWT is not signed by the holder's key.");
  verifyFreshness(payload["iat"], payload["exp"], now);
  // A list of audiences would let a response to one verifier serve another.
  if (payload["aud"] !== audience)
    throw unproven("audience_mismatch", "The presentation is made for another verifier.");
  if (payload["nonce"] !== nonce) throw unproven("nonce_mismatch", "The presentation answers another request.");
  if (payload["sd_hash"] !== createHash("sha256").update(presented, "ascii").digest("base64url")) {
    throw rejected("The Key Binding JWT belongs to other disclosures (sd_hash).");
  }
}

/**
 * A wallet makes its proof for the request at hand: one from long ago, or from the future, is somebody else's.
 *
 * @param issuedAt `iat`, seconds since the epoch
 * @throws PresentationRejection `holder_binding_invalid`
 */
export function verifyFreshness(issuedAt: unknown, expiresAt: unknown, now: Date): void {
  const seconds = now.getTime() / 1000;
  if (typeof issuedAt !== "number") throw rejected("The proof of possession lacks iat.");
  if (issuedAt > seconds + CLOCK_SKEW_SECONDS) throw rejected("The proof of possession is from the future (iat).");
  if (issuedAt < seconds - MAX_AGE_SECONDS - CLOCK_SKEW_SECONDS)
    throw rejected("The proof of possession is too old (iat).");
  if (expiresAt !== undefined && !(typeof expiresAt === "number" && expiresAt > seconds - CLOCK_SKEW_SECONDS)) {
    throw rejected("The proof of possession expired (exp).");
  }
}

function rejected(message: string) {
  return unproven("holder_binding_invalid", message);
}
