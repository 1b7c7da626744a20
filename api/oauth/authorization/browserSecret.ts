import { randomToken } from "../../../core/crypto";
import { equalsInConstantTime, hmacSha256, sha256Hex } from "../../../core/hash";
import type { OAuthSession } from "../rules";

/** A fresh secret for a browser's cookie: with it the browser claims a session, follows it and takes its code. */
export function createBrowserSecret(): string {
  return randomToken("OBS-");
}

/** Whether a session belongs to the browser that holds this secret. */
export function isClaimedBy(session: OAuthSession, browserSecret: string | undefined): boolean {
  if (browserSecret === undefined || session.claim === null || session.status === "pending") return false;
  return equalsInConstantTime(session.claim.browserHash, sha256Hex(browserSecret));
}

/**
 * The authorization code of a session. It is derived from the browser's cookie and only its hash is stored, so that the
 * process that closes the session makes the code valid without ever holding it.
 */
export function deriveCode(browserSecret: string, sessionId: string): string {
  return `OAC-${hmacSha256(browserSecret, `authorization code ${sessionId}`).toString("base64url")}`;
}
