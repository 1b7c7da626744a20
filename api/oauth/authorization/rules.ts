import type { OAuthClient } from "../clients/rules";
import { oauthError } from "../errors";
import type { AuthorizationRequest, RequestParameters, VerificationResult } from "../rules";

/** What a pushed request's reference begins with (RFC 9126 §2.2). */
export const REQUEST_URI_PREFIX = "urn:ietf:params:oauth:request_uri:";

/**
 * The redirect URI, if the client registered it, character for character (RFC 9700 §2.1).
 *
 * @throws DomainError `oauth.invalid_request`: nobody may be redirected
 */
export function requireRedirectUri(client: Pick<OAuthClient, "redirectUris">, given: string | undefined): string {
  if (given === undefined) throw oauthError("invalid_request", "redirect_uri is missing.");
  if (client.redirectUris.includes(given)) return given;
  throw oauthError("invalid_request", "redirect_uri is not one that this client registered, character for character.");
}

const STATE = /^[\x20-\x7e]{1,1024}$/;
const CHALLENGE = /^[A-Za-z0-9_-]{43}$/;

/**
 * Parses an authorization request (RFC 6749 §4.1.1, RFC 7636 §4.3) whose redirect URI was validated before.
 *
 * @throws DomainError `oauth.unsupported_response_type`, `oauth.invalid_scope`, `oauth.request_not_supported`,
 *   `oauth.invalid_request`
 */
export function parseAuthorizationRequest(
  client: Pick<OAuthClient, "scopes" | "requiresPkce">,
  redirectUri: string,
  given: RequestParameters,
): AuthorizationRequest {
  if (given["response_type"] === undefined) throw oauthError("invalid_request", "response_type is missing: give code.");
  if (given["response_type"] !== "code") {
    throw oauthError("unsupported_response_type", "Only the response_type code is supported.");
  }
  if (given["request"] !== undefined) throw oauthError("request_not_supported", "Request objects are not supported.");
  if (given["response_mode"] !== undefined && given["response_mode"] !== "query") {
    throw oauthError("invalid_request", "Only the response_mode query is supported.");
  }
  const scope = parseScope(client, given["scope"]);
  const codeChallenge = parseCodeChallenge(given["code_challenge"], given["code_challenge_method"]);
  if (codeChallenge === null && client.requiresPkce) {
    // RFC 7636 §4.4.1 has this very error.
    throw oauthError("invalid_request", "code_challenge is missing: this client is registered with PKCE.");
  }
  return { redirectUri, state: parseState(given["state"]), scope, codeChallenge };
}

function parseCodeChallenge(challenge: string | undefined, method: string | undefined): string | null {
  // RFC 9700 §2.1.1: the method plain shows the code verifier to whoever sees the request.
  if (challenge !== undefined && method !== "S256") {
    throw oauthError("invalid_request", "Only the code_challenge_method S256 is supported.");
  }
  if (challenge === undefined && method !== undefined)
    throw oauthError("invalid_request", "code_challenge is missing.");
  if (challenge !== undefined && !CHALLENGE.test(challenge)) {
    throw oauthError("invalid_request", "code_challenge is not the base64url of a SHA-256.");
  }
  return challenge ?? null;
}

/**
 * The client's state, if it can be sent back unchanged (RFC 6749 appendix A.5).
 *
 * @throws DomainError `oauth.invalid_request`
 */
export function parseState(state: string | undefined): string | null {
  if (state === undefined) return null;
  if (STATE.test(state)) return state;
  throw oauthError("invalid_request", "state must be 1 to 1024 printable ASCII characters.");
}

function parseScope(client: Pick<OAuthClient, "scopes">, given: string | undefined): string {
  const known = client.scopes.map(({ name }) => name);
  if (given === undefined) {
    const [only, ...others] = known;
    // RFC 6749 §3.3: an omitted scope is a pre-defined one, or an error.
    if (only !== undefined && others.length === 0) return only;
    throw oauthError("invalid_scope", "scope is missing, and this client has several to choose from.");
  }
  const names = [...new Set(given.split(" ").filter((name) => name !== ""))];
  if (names.length > 0 && names.every((name) => known.includes(name))) return names.join(" ");
  throw oauthError("invalid_scope", "scope names something that this client may not ask for.");
}

/**
 * Where the browser is redirected with the response (RFC 6749 §4.1.2); `iss` names who responds (RFC 9207). The
 * registered URI is kept byte for byte, its query included (RFC 6749 §3.1.2): parsing and writing it anew would escape
 * differently what the client wrote.
 */
export function authorizationResponseUrl(
  request: Pick<AuthorizationRequest, "redirectUri" | "state">,
  issuer: string,
  response: { code: string } | { error: string; error_description: string },
): string {
  const { redirectUri, state } = request;
  const added = new URLSearchParams(response);
  if (state !== null) added.append("state", state);
  added.append("iss", issuer);
  const separator = redirectUri.includes("?") ? (/[?&]$/.test(redirectUri) ? "" : "&") : "?";
  return `${redirectUri}${separator}${added.toString()}`;
}

/** Whether a result grants the client a code. */
export function grantsCode(client: Pick<OAuthClient, "failuresAsCode">, result: VerificationResult): boolean {
  return result.status === "verified" || client.failuresAsCode;
}
