import { SESSION_COOKIE } from "../../core/sessionCookie";
import { csrfTokenFor } from "./authenticate";
import { secretCookie } from "./cookies";
import type { Reply } from "./endpoint";

/** How a caller wants to hold its session token. */
export type SessionTransport = "bearer" | "cookie";

/**
 * The answer that hands over a new session: as `sessionId` in the body, or as a cookie that scripts cannot read together
 * with the `csrfToken` they need. Never both: a token in the body would undo what HttpOnly protects.
 */
export function sessionReply(
  status: number,
  { token, transport, body }: { token: string; transport: SessionTransport; body: Record<string, unknown> },
): Reply {
  if (transport === "bearer") return { status, body: { ...body, sessionId: token } };
  return {
    status,
    body: { ...body, csrfToken: csrfTokenFor(token) },
    headers: { "set-cookie": secretCookie(SESSION_COOKIE, token) },
  };
}

/** The headers that take the session cookie away. */
export function withoutSessionCookie(): Record<string, string> {
  return { "set-cookie": secretCookie(SESSION_COOKIE, undefined) };
}
