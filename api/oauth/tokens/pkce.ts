import { sha256Hex } from "../../../core/hash";
import { oauthError } from "../errors";

const CODE_VERIFIER = /^[A-Za-z0-9._~-]{43,128}$/;

/**
 * The S256 challenge of a PKCE code verifier (RFC 7636 §4.2).
 *
 * @throws DomainError `oauth.invalid_grant` when the verifier does not have the form of §4.1
 */
export function codeChallengeOf(codeVerifier: string): string {
  if (CODE_VERIFIER.test(codeVerifier)) return Buffer.from(sha256Hex(codeVerifier), "hex").toString("base64url");
  throw oauthError("invalid_grant", "code_verifier does not have the form of RFC 7636.");
}
