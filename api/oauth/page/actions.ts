import type { Clock } from "../../../core/clock";
import { equalsInConstantTime } from "../../../core/hash";
import { assertNever, DomainError } from "../../../core/errors";
import { deriveCode, isClaimedBy } from "../authorization/browserSecret";
import { authorizationResponseUrl } from "../authorization/rules";
import type { OAuthClient } from "../clients/rules";
import type { ClientStore } from "../clients/store";
import { unknownClient, unknownSession } from "../errors";
import { type OAuthSession, statusAt } from "../rules";
import type { OAuthSessionStore } from "../store";

export interface PageDeps {
  clients: Pick<ClientStore, "find">;
  sessions: Pick<OAuthSessionStore, "findByVerification">;
  clock: Clock;
  /** The public origin, which names this authorization server (RFC 9207 §2). */
  issuer: string;
}

/** A verification as a browser asks for it. */
interface BrowserRequest {
  verificationId: string;
  browserSecret: string | undefined;
}

/**
 * The session that a browser claimed.
 *
 * @throws DomainError `oauth.unknown_session` for any other browser
 */
export async function readClaimedSession(
  { sessions, clients }: Pick<PageDeps, "sessions" | "clients">,
  { verificationId, browserSecret }: BrowserRequest,
): Promise<{ session: OAuthSession; client: OAuthClient }> {
  const session = await sessions.findByVerification(verificationId);
  if (session === null || !isClaimedBy(session, browserSecret)) throw unknownSession();
  const client = await clients.find(session.clientId);
  if (client === null) throw unknownClient();
  return { session, client };
}

/**
 * A session, for whoever knows the client's state or is the browser that claimed it.
 *
 * @throws DomainError `oauth.unknown_session`
 */
export async function readFollowedSession(
  { sessions }: Pick<PageDeps, "sessions">,
  { verificationId, browserSecret, state }: BrowserRequest & { state: string | undefined },
): Promise<OAuthSession> {
  const session = await sessions.findByVerification(verificationId);
  const known = session?.request?.state ?? null;
  const knowsState = known !== null && state !== undefined && equalsInConstantTime(known, state);
  if (session === null || !(knowsState || isClaimedBy(session, browserSecret))) throw unknownSession();
  return session;
}

/**
 * Where the browser is redirected when the verification is over: to the client, with the code or the error. Undefined
 * while it is not over.
 *
 * @throws DomainError `oauth.unknown_session`; `oauth.code_consumed` when the client has redeemed the code
 */
export async function finishAuthorization(deps: PageDeps, browser: BrowserRequest): Promise<string | undefined> {
  const { session } = await readClaimedSession(deps, browser);
  const { sessionId, request, codeHash } = session;
  if (request === null) throw unknownSession();
  const denied = (description: string) =>
    authorizationResponseUrl(request, deps.issuer, { error: "access_denied", error_description: description });
  const status = statusAt(session, deps.clock.now());
  switch (status) {
    case "pending":
    case "authorized":
      return undefined;
    case "expired":
      return denied("The verification expired.");
    case "completed":
      // A redeemed code that is handed out again would be redeemed again, and cost the client its token.
      throw new DomainError(
        "oauth.code_consumed",
        "gone",
        "This verification is complete: go back to the site you came from.",
      );
    case "verified":
    case "failed": {
      if (codeHash === undefined) return denied("The verification failed.");
      return authorizationResponseUrl(request, deps.issuer, {
        code: deriveCode(browser.browserSecret ?? "", sessionId),
      });
    }
    default:
      return assertNever(status);
  }
}
