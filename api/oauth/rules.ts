/** How long a session that was set up waits for a browser to claim it. */
export const SETUP_SECONDS = 15 * 60;
/** How long a pushed authorization request (RFC 9126 §2.2) is valid. */
export const PUSHED_REQUEST_SECONDS = 5 * 60;
/** How long a wallet may take; the verifier keeps a verification as long. */
export const VERIFICATION_SECONDS = 15 * 60;
/** How long an authorization code is valid (RFC 6749 §4.1.2 allows ten minutes at most). */
export const CODE_SECONDS = 10 * 60;
export const TOKEN_SECONDS = 60 * 60;
/** How long a closed or expired session stays in the database, so that a late caller learns what became of it. */
export const RETENTION_SECONDS = 24 * 60 * 60;

/** The states of a session: pending -> authorized -> verified | failed -> completed, or expired. */
export const SESSION_STATUSES = ["pending", "authorized", "verified", "failed", "completed", "expired"] as const;
export type SessionStatus = (typeof SESSION_STATUSES)[number];

/** What a relying party asked a browser to bring. */
export interface AuthorizationRequest {
  redirectUri: string;
  state: string | null;
  /** Names of scopes, separated by spaces. */
  scope: string;
  /** PKCE S256 (RFC 7636 §4.2); null when the client uses none. */
  codeChallenge: string | null;
}

/** Parameters of a query or a form; each came at most once, and none is empty. */
export type RequestParameters = Record<string, string | undefined>;

/** How a verification ended at the verifier. */
export type VerificationResult =
  | { status: "verified"; claims: unknown }
  | { status: "failed"; errorCode: string | null; errorDescription: string | null };

/** The one browser that a session belongs to. */
export interface SessionClaim {
  /** SHA-256 of the browser's secret. */
  browserHash: string;
  claimedAt: Date;
}

/** One verification for one relying party, from set-up to token. */
export interface OAuthSession {
  sessionId: string;
  clientId: string;
  /** SHA-256 of the handle a browser claims it with: the nonce of the set-up, or the reference of a pushed request. */
  handleHash: string;
  status: SessionStatus;
  createdAt: Date;
  /** Until when it waits: for a browser while pending, for the wallet while authorized. */
  expiresAt: Date;
  /** The request that the client pushed (RFC 9126); the browser cannot change it. */
  pushedRequest: AuthorizationRequest | null;
  claim: SessionClaim | null;
  request: AuthorizationRequest | null;
  verificationId?: string;
  deepLink: string | null;
  /** SHA-256 of the code that this session's browser can derive; it is not valid before the session closes. */
  pendingCodeHash: string | null;
  result: VerificationResult | null;
  closedAt: Date | null;
  codeHash?: string;
  codeExpiresAt: Date | null;
  consumedAt: Date | null;
  tokenHash?: string;
  tokenExpiresAt: Date | null;
  tokenRevokedAt: Date | null;
}

/** The status of a session at `now`: a session expires by time alone, without a write. */
export function statusAt(session: OAuthSession, now: Date): SessionStatus {
  const { status, expiresAt, codeExpiresAt } = session;
  if ((status === "pending" || status === "authorized") && expiresAt <= now) return "expired";
  if ((status === "verified" || status === "failed") && codeExpiresAt !== null && codeExpiresAt <= now)
    return "expired";
  return status;
}
