import type { OAuthSession } from "../rules";

/** A code as a client presents it (RFC 6749 §4.1.3). */
export interface TokenRequest {
  code: string;
  redirectUri: string;
  codeVerifier: string | undefined;
}

/** Whether the access token of a session is valid at `now`. */
export function isTokenActive(session: OAuthSession, now: Date): boolean {
  const { status, tokenExpiresAt, tokenRevokedAt } = session;
  return status === "completed" && tokenRevokedAt === null && tokenExpiresAt !== null && tokenExpiresAt > now;
}
