import { DomainError } from "../../core/errors";

/** How long a set-up session waits to be opened by a browser. */
export const SETUP_SECONDS = 15 * 60;
/** How long a pushed authorization request (RFC 9126 §2.2) waits. */
export const PUSHED_SECONDS = 5 * 60;
/** How long a wallet may take; a verification lives as long at the verifier. */
export const VERIFICATION_SECONDS = 15 * 60;
/** How long an authorization code is good for (RFC 6749 §4.1.2 allows ten minutes at most). */
export const CODE_SECONDS = 10 * 60;
export const TOKEN_SECONDS = 60 * 60;
/** How long a session that is over is kept, so that a late caller is told what became of it. */
export const KEPT_SECONDS = 24 * 60 * 60;

export const REQUEST_URI_PREFIX = "urn:ietf:params:oauth:request_uri:";

/** Where a session stands: pending -> authorized -> verified | failed -> completed, or expired. */
export const SESSION_STATUSES = ["pending", "authorized", "verified", "failed", "completed", "expired"] as const;
export type SessionStatus = (typeof SESSION_STATUSES)[number];

/** What a relying party may ask of a wallet under the name of a scope. */
export interface ScopeDefinition {
  name: string;
  /** Said to the person, for instance `that you are over 18`. */
  description: string;
  /** Digital Credentials Query Language (OpenID4VP 1.0 §6). */
  dcql: DcqlQuery;
}

export interface DcqlQuery {
  credentials: Record<string, unknown>[];
  credential_sets?: Record<string, unknown>[] | undefined;
}

/** A relying party. */
export interface OAuthClient {
  clientId: string;
  /** Shown to the person who is asked. */
  name: string;
  /** SHA-256 of each valid secret, the present one first; two while the secret is being replaced. */
  secretHashes: string[];
  redirectUris: string[];
  verifierUrl: string;
  /** Path of the verifier's verifications, for instance `/management/api/verifications`. */
  managementPath: string;
  /** A header the verifier wants, `Name: value`, sealed; null when it wants none. */
  sealedCredentials: string | null;
  /** DIDs of the issuers whose credentials count; none means any the verifier trusts. */
  acceptedIssuers: string[];
  scopes: ScopeDefinition[];
  /** Told of every outcome. */
  webhookUrl: string | null;
  /** Name of the header in which the verifier's notifications carry their key, in lower case. */
  notificationHeader: string;
  /** SHA-256 of the key that the verifier's notifications carry; null when they carry none. */
  notificationKeyHash: string | null;
  /** Hands a code for a failed verification too, whose information says `failed`. */
  failuresAsCode: boolean;
  createdAt: Date;
}

/** What a relying party asked a browser to bring. */
export interface AuthorizationRequest {
  redirectUri: string;
  state: string | null;
  /** Names of scopes, separated by spaces. */
  scope: string;
  /** PKCE S256 (RFC 7636 §4.2); null when the client uses none. */
  codeChallenge: string | null;
}

/** How a verification ended at the verifier. */
export type Verdict =
  | { result: "verified"; claims: unknown }
  | { result: "failed"; errorCode: string | null; errorDescription: string | null };

/** One verification for one relying party, from set-up to token. */
export interface OAuthSession {
  sessionId: string;
  clientId: string;
  /** SHA-256 of what opens it: the nonce of the set-up, or the reference of a pushed request. */
  nonceHash: string;
  status: SessionStatus;
  createdAt: Date;
  /** Until when it waits: for a browser while pending, for the wallet while authorized. */
  expiresAt: Date;
  /** What was pushed beforehand; the browser cannot change it. */
  pushed: AuthorizationRequest | null;
  /** Held by the one browser that opens the session. */
  opening: { browserHash: string; at: Date } | null;
  request: AuthorizationRequest | null;
  verificationId?: string;
  deepLink: string | null;
  /** SHA-256 of the code this session's browser can derive; no code is valid before the session closes. */
  promisedCodeHash: string | null;
  verdict: Verdict | null;
  closedAt: Date | null;
  codeHash?: string;
  codeExpiresAt: Date | null;
  consumedAt: Date | null;
  tokenHash?: string;
  tokenExpiresAt: Date | null;
  tokenRevokedAt: Date | null;
}

/** The header in which a verifier's notifications carry their key where nothing else was agreed upon. */
export const NOTIFICATION_HEADER = "x-api-key";

/** Errors of RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1 and RFC 9126 §2.3. */
export type OAuthErrorCode =
  | "invalid_request"
  | "invalid_client"
  | "invalid_grant"
  | "invalid_scope"
  | "invalid_token"
  | "unsupported_grant_type"
  | "unsupported_response_type"
  | "request_not_supported"
  | "temporarily_unavailable";

/** A refusal in OAuth's words; its code is `oauth.<error>`. */
export function oauthRefusal(error: OAuthErrorCode, message: string): DomainError {
  const kind = error === "invalid_client" || error === "invalid_token" ? "unauthenticated" : "invalid";
  return new DomainError(`oauth.${error}`, kind, message);
}

/** Where a session stands at `now`: time passes without anybody writing it down. */
export function statusAt(session: OAuthSession, now: Date): SessionStatus {
  const { status, expiresAt, codeExpiresAt } = session;
  if ((status === "pending" || status === "authorized") && expiresAt <= now) return "expired";
  if ((status === "verified" || status === "failed") && codeExpiresAt !== null && codeExpiresAt <= now)
    return "expired";
  return status;
}

/** Whether an access token is good at `now`. */
export function isTokenActive(session: OAuthSession, now: Date): boolean {
  const { status, tokenExpiresAt, tokenRevokedAt } = session;
  return status === "completed" && tokenRevokedAt === null && tokenExpiresAt !== null && tokenExpiresAt > now;
}

/** Whether a verdict gives the client a code. */
export function givesCode(client: Pick<OAuthClient, "failuresAsCode">, verdict: Verdict): boolean {
  return verdict.result === "verified" || client.failuresAsCode;
}

/**
 * The redirect URI, when it is the client's, character for character (RFC 9700 §2.1).
 *
 * @throws DomainError `oauth.invalid_request`: nobody may be redirected
 */
export function requireRedirectUri(client: Pick<OAuthClient, "redirectUris">, given: string | undefined): string {
  if (given === undefined) throw oauthRefusal("invalid_request", "redirect_uri is missing.");
  if (client.redirectUris.includes(given)) return given;
  throw oauthRefusal(
    "invalid_request",
    "redirect_uri is not one that this client registered, character for character.",
  );
}

const STATE = /^[\x20-\x7e]{1,1024}$/;
const CHALLENGE = /^[A-Za-z0-9_-]{43}$/;
const VERIFIER = /^[A-Za-z0-9._~-]{43,128}$/;

/**
 * Reads an authorization request (RFC 6749 §4.1.1, RFC 7636 §4.3) whose redirect URI is known to be good.
 *
 * @throws DomainError `oauth.unsupported_response_type`, `oauth.invalid_scope`, `oauth.request_not_supported`,
 *   `oauth.invalid_request`
 */
export function parseAuthorizationRequest(
  client: Pick<OAuthClient, "scopes">,
  redirectUri: string,
  given: Record<string, string | undefined>,
): AuthorizationRequest {
  if (given["response_type"] === undefined)
    throw oauthRefusal("invalid_request", "response_type is missing: give code.");
  if (given["response_type"] !== "code") {
    throw oauthRefusal("unsupported_response_type", "Only the response_type code is supported.");
  }
  if (given["request"] !== undefined) throw oauthRefusal("request_not_supported", "Request objects are not supported.");
  if (given["response_mode"] !== undefined && given["response_mode"] !== "query") {
    throw oauthRefusal("invalid_request", "Only the response_mode query is supported.");
  }
  const scope = parseScope(client, given["scope"]);
  const codeChallenge = given["code_challenge"] ?? null;
  const method = given["code_challenge_method"];
  // RFC 9700 §2.1.1: the method plain shows the verifier to whoever sees the request.
  if (codeChallenge !== null && method !== "S256") {
    throw oauthRefusal("invalid_request", "Only the code_challenge_method S256 is supported.");
  }
  if (codeChallenge === null && method !== undefined)
    throw oauthRefusal("invalid_request", "code_challenge is missing.");
  if (codeChallenge !== null && !CHALLENGE.test(codeChallenge)) {
    throw oauthRefusal("invalid_request", "code_challenge is not the base64url of a SHA-256.");
  }
  return { redirectUri, state: parseState(given["state"]), scope, codeChallenge };
}

/**
 * The client's state, when it can be sent back as it came (RFC 6749 appendix A.5).
 *
 * @throws DomainError `oauth.invalid_request`
 */
export function parseState(state: string | undefined): string | null {
  if (state === undefined) return null;
  if (STATE.test(state)) return state;
  throw oauthRefusal("invalid_request", "state must be 1 to 1024 printable ASCII characters.");
}

function parseScope(client: Pick<OAuthClient, "scopes">, given: string | undefined): string {
  const known = client.scopes.map(({ name }) => name);
  if (given === undefined) {
    const [only, ...others] = known;
    // RFC 6749 §3.3: an omitted scope is a pre-defined one, or an error.
    if (only !== undefined && others.length === 0) return only;
    throw oauthRefusal("invalid_scope", "scope is missing, and this client has several to choose from.");
  }
  const names = [...new Set(given.split(" ").filter((name) => name !== ""))];
  if (names.length > 0 && names.every((name) => known.includes(name))) return names.join(" ");
  throw oauthRefusal("invalid_scope", "scope names something that this client may not ask for.");
}

/** The definitions behind the names of a scope that was parsed before. */
export function scopesOf(client: Pick<OAuthClient, "scopes">, scope: string): ScopeDefinition[] {
  const names = scope.split(" ");
  return client.scopes.filter(({ name }) => names.includes(name));
}

/** One query for several scopes. The ids of its credentials are distinct, which registration saw to. */
export function combineQueries(scopes: ScopeDefinition[]): DcqlQuery {
  const sets = scopes.flatMap(({ dcql }) => dcql.credential_sets ?? []);
  const credentials = scopes.flatMap(({ dcql }) => dcql.credentials);
  return { credentials, ...(sets.length > 0 && { credential_sets: sets }) };
}

/**
 * Checks the form of a PKCE verifier.
 *
 * @throws DomainError `oauth.invalid_grant`
 */
export function requireCodeVerifier(given: string): string {
  if (VERIFIER.test(given)) return given;
  throw oauthRefusal("invalid_grant", "code_verifier does not have the form of RFC 7636.");
}

/** Where a browser takes the answer; `iss` names who answers (RFC 9207). */
export function redirectBack(
  request: Pick<AuthorizationRequest, "redirectUri" | "state">,
  issuer: string,
  answer: { code: string } | { error: string; error_description: string },
): string {
  const url = new URL(request.redirectUri);
  for (const [name, value] of Object.entries(answer)) url.searchParams.append(name, value);
  if (request.state !== null) url.searchParams.append("state", request.state);
  url.searchParams.append("iss", issuer);
  return url.href;
}
