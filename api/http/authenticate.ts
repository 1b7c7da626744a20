import { equalsInConstantTime, hmacSha256 } from "../../core/hash";
import { DomainError } from "../../core/errors";
import { readCookie, SESSION_COOKIE } from "../../core/sessionCookie";
import type { RejectionDescription, SessionCaller } from "./endpoint";

/** The header a cookie request that changes state must carry, with the token its login gave. */
export const CSRF_HEADER = "x-csrf-token";

/**
 * Finds the session a token stands for and counts the request as activity.
 *
 * @throws DomainError `session.unknown`, `session.idle`, `session.expired`, `session.revoked` and, for one that a wallet
 * opened, `session.wallet_unlinked`, `session.control_changed` or `session.did_deactivated`
 */
export type SessionReader = (token: string) => Promise<{ userId: string; sessionId: string }>;

/** What authentication reads of a request. */
export interface Credentials {
  method: string;
  header(name: string): string | undefined;
}

/** The rejections of every operation that needs a session. */
export const SESSION_REJECTIONS: RejectionDescription[] = [
  { code: "session.missing", kind: "unauthenticated", meaning: "No session token was sent: log in first." },
  { code: "session.unknown", kind: "unauthenticated", meaning: "No session has this token: log in again." },
  {
    code: "session.idle",
    kind: "unauthenticated",
    meaning: "The session ended because nothing was asked for too long.",
  },
  { code: "session.expired", kind: "unauthenticated", meaning: "The session reached the end of its life." },
  {
    code: "session.revoked",
    kind: "unauthenticated",
    meaning: "The session was logged out or ended from another device.",
  },
  {
    code: "session.wallet_unlinked",
    kind: "unauthenticated",
    meaning: "The wallet that opened the session was unlinked from the account.",
  },
  {
    code: "session.control_changed",
    kind: "unauthenticated",
    meaning: "The wallet that opened the session no longer controls the DID as whose holder it did.",
  },
  {
    code: "session.did_deactivated",
    kind: "unauthenticated",
    meaning: "The DID as whose holder the session was opened was deactivated.",
  },
  {
    code: "session.csrf",
    kind: "forbidden",
    meaning: "A request with the session cookie lacks the right X-CSRF-Token.",
  },
];

const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Finds whose session a request carries: `Authorization: Bearer SES-...` (RFC 6750 §2.1), else the session cookie.
 *
 * @throws DomainError `session.missing`, `session.csrf`, and what the reader throws
 */
export async function authenticateSession(readSession: SessionReader, request: Credentials): Promise<SessionCaller> {
  const authorization = request.header("authorization");
  if (authorization !== undefined) {
    const bearer = /^Bearer +([^ ]+)$/i.exec(authorization)?.[1];
    if (bearer === undefined) throw missing("The Authorization header is not of the form `Bearer SES-...`.");
    return { ...(await readSession(bearer)), via: "bearer" };
  }
  const cookie = readCookie(request.header("cookie"), SESSION_COOKIE);
  if (cookie === undefined) throw missing("This operation needs a session.");
  // Before the session is read: a forged request must not even count as activity.
  if (!SAFE_METHODS.has(request.method)) requireCsrfToken(cookie, request.header(CSRF_HEADER));
  return { ...(await readSession(cookie)), via: "cookie" };
}

/**
 * The CSRF token of a cookie session: derived from its secret token, so that it needs no storage, ends with the session
 * and reveals nothing of it. A foreign page can neither compute nor read it.
 */
export function csrfTokenFor(sessionToken: string): string {
  return hmacSha256(sessionToken, "cairn csrf").toString("base64url");
}

function requireCsrfToken(sessionToken: string, given: string | undefined): void {
  if (given !== undefined && equalsInConstantTime(given, csrfTokenFor(sessionToken))) return;
  const fix = "send the csrfToken of the login, or of GET /auth/session, in the header X-CSRF-Token";
  throw new DomainError(
    "session.csrf",
    "forbidden",
    `A request with the session cookie that changes state is refused: ${fix}.`,
  );
}

function missing(reason: string): DomainError {
  const fix = "Log in and send the token as `Authorization: Bearer SES-...` or as the cookie the login set.";
  return new DomainError("session.missing", "unauthenticated", `${reason} ${fix}`);
}
