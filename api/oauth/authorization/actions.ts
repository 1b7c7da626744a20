import { addSeconds } from "../../../core/clock";
import { equalsInConstantTime, randomId, randomToken, sha256Hex } from "../../../core/crypto";
import { DomainError } from "../../../core/errors";
import type { Logger } from "../../../core/logger";
import { type Beginning, type GatewayParts, isBrowserOf, openSession } from "./claim";
import {
  type AuthorizationRequest,
  KEPT_SECONDS,
  oauthRefusal,
  type OAuthClient,
  type OAuthSession,
  parseAuthorizationRequest,
  parseState,
  PUSHED_SECONDS,
  redirectBack,
  REQUEST_URI_PREFIX,
  requireRedirectUri,
  SETUP_SECONDS,
  statusAt,
} from "../rules";
import { codeOf } from "../secrets";

/** What a browser brought along: query parameters, each once. */
export type Parameters = Record<string, string | undefined>;

/**
 * Sets a session up, for a client that hands the nonce to a browser.
 *
 * @returns the nonce: 256 bits, good once and for 15 minutes
 */
export async function setUp(
  parts: GatewayParts,
  client: OAuthClient,
): Promise<{ nonce: string; expiresInSeconds: number }> {
  const nonce = randomToken();
  await createSession(parts, client, { opener: nonce, pushed: null, seconds: SETUP_SECONDS });
  return { nonce, expiresInSeconds: SETUP_SECONDS };
}

/**
 * Keeps an authorization request until a browser refers to it (RFC 9126 §2).
 *
 * @throws DomainError as {@link parseAuthorizationRequest}
 */
export async function pushRequest(
  parts: GatewayParts,
  client: OAuthClient,
  given: Parameters,
): Promise<{ requestUri: string; expiresInSeconds: number }> {
  // RFC 9126 §2.1: what is pushed cannot refer to what was pushed.
  if (given["request_uri"] !== undefined) throw oauthRefusal("invalid_request", "request_uri cannot be pushed.");
  if (given["client_id"] !== undefined && given["client_id"] !== client.clientId) {
    throw oauthRefusal("invalid_request", "client_id is not the client that authenticated.");
  }
  const pushed = parseAuthorizationRequest(client, requireRedirectUri(client, given["redirect_uri"]), given);
  const opener = randomToken();
  await createSession(parts, client, { opener, pushed, seconds: PUSHED_SECONDS });
  return { requestUri: REQUEST_URI_PREFIX + opener, expiresInSeconds: PUSHED_SECONDS };
}

/**
 * Begins with a session that was set up: gives it to this browser and opens the verification. Of several browsers one
 * gets it; the one that has it may come again.
 *
 * @throws DomainError for a page, where nobody may be redirected: `oauth.unknown_session`, `oauth.session_taken`,
 *   `oauth.session_expired`, `oauth.invalid_request`
 */
export async function beginWithNonce(
  parts: GatewayParts,
  begin: { opener: string; given: Parameters; browserSecret: string | undefined; logger: Logger },
): Promise<Beginning> {
  const { opener, given, browserSecret, logger } = begin;
  const session = await parts.sessions.findByNonce(sha256Hex(opener));
  if (session === null) throw unknownSession();
  const client = await clientOf(parts, session.clientId);
  if (given["client_id"] !== undefined && given["client_id"] !== client.clientId) {
    throw oauthRefusal("invalid_request", "client_id is not the client that began this.");
  }
  if (isBrowserOf(session, browserSecret)) return { session, client, browserSecret: browserSecret ?? "" };
  const request = session.pushed ?? readRequest(parts, client, given);
  return "redirect" in request ? request : openSession(parts, { session, client, request, browserSecret, logger });
}

/**
 * Begins with what the browser brought alone (RFC 6749 §4.1.1).
 *
 * @throws DomainError for a page, where nobody may be redirected: `oauth.unknown_client`, `oauth.invalid_request`
 */
export async function beginPlainly(
  parts: GatewayParts,
  { given, browserSecret, logger }: { given: Parameters; browserSecret: string | undefined; logger: Logger },
): Promise<Beginning> {
  const { client_id: clientId } = given;
  if (clientId === undefined) throw oauthRefusal("invalid_request", "client_id is missing.");
  const client = await clientOf(parts, clientId);
  const request = readRequest(parts, client, given);
  if ("redirect" in request) return request;
  const session = await createSession(parts, client, {
    opener: randomToken(),
    pushed: request,
    seconds: SETUP_SECONDS,
  });
  return openSession(parts, { session, client, request, browserSecret, logger });
}

/**
 * The session of a browser that comes back to its page.
 *
 * @throws DomainError `oauth.unknown_session` for any other browser
 */
export async function sessionOfBrowser(
  parts: GatewayParts,
  { verificationId, browserSecret }: { verificationId: string; browserSecret: string | undefined },
): Promise<{ session: OAuthSession; client: OAuthClient }> {
  const session = await parts.sessions.findByVerification(verificationId);
  if (session === null || !isBrowserOf(session, browserSecret)) throw unknownSession();
  return { session, client: await clientOf(parts, session.clientId) };
}

/**
 * Where a verification stands, for whoever knows the client's state or has the browser's secret.
 *
 * @throws DomainError `oauth.unknown_session`
 */
export async function followSession(
  parts: GatewayParts,
  {
    verificationId,
    state,
    browserSecret,
  }: { verificationId: string; state: string | undefined; browserSecret: string | undefined },
): Promise<OAuthSession> {
  const session = await parts.sessions.findByVerification(verificationId);
  const known = session?.request?.state ?? null;
  const byState = known !== null && state !== undefined && equalsInConstantTime(known, state);
  if (session === null || !(byState || isBrowserOf(session, browserSecret))) throw unknownSession();
  return session;
}

/**
 * Where the browser goes when the verification is over: to the client, with the code or the error. Undefined while it
 * is not over.
 *
 * @throws DomainError `oauth.unknown_session`, `oauth.code_consumed` when the client has redeemed the code
 */
export async function finish(
  parts: GatewayParts,
  browser: { verificationId: string; browserSecret: string | undefined },
): Promise<string | undefined> {
  const { session } = await sessionOfBrowser(parts, browser);
  const { sessionId, request, codeHash } = session;
  if (request === null) throw unknownSession();
  const denied = (why: string) =>
    redirectBack(request, parts.issuer, { error: "access_denied", error_description: why });
  switch (statusAt(session, parts.clock.now())) {
    case "pending":
    case "authorized":
      return undefined;
    case "expired":
      return denied("The verification expired.");
    case "completed":
      // Handing a redeemed code out again would have the client redeem it again, and lose its token.
      throw new DomainError(
        "oauth.code_consumed",
        "gone",
        "This verification is complete: go back to the site you came from.",
      );
    case "verified":
    case "failed":
      return codeHash === undefined
        ? denied("The verification failed.")
        : redirectBack(request, parts.issuer, { code: codeOf(browser.browserSecret ?? "", sessionId) });
  }
}

async function createSession(
  { sessions, clock }: GatewayParts,
  client: OAuthClient,
  { opener, pushed, seconds }: { opener: string; pushed: AuthorizationRequest | null; seconds: number },
): Promise<OAuthSession> {
  const now = clock.now();
  const session: OAuthSession = {
    ...{ sessionId: randomId(), clientId: client.clientId, nonceHash: sha256Hex(opener), status: "pending", pushed },
    ...{ createdAt: now, expiresAt: addSeconds(now, seconds), opening: null, request: null, deepLink: null },
    ...{ promisedCodeHash: null, verdict: null, closedAt: null, codeExpiresAt: null, consumedAt: null },
    ...{ tokenExpiresAt: null, tokenRevokedAt: null },
  };
  await sessions.create(session, addSeconds(session.expiresAt, KEPT_SECONDS));
  return session;
}

/** The request, or the way back to the client with what is wrong with it (RFC 6749 §4.1.2.1). */
function readRequest(
  { issuer }: GatewayParts,
  client: OAuthClient,
  given: Parameters,
): AuthorizationRequest | { redirect: string } {
  const redirectUri = requireRedirectUri(client, given["redirect_uri"]);
  const state = parseState(given["state"]);
  try {
    return parseAuthorizationRequest(client, redirectUri, given);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    const answer = { error: error.code.replace(/^oauth\./, ""), error_description: error.message };
    return { redirect: redirectBack({ redirectUri, state }, issuer, answer) };
  }
}

async function clientOf({ clients }: GatewayParts, clientId: string): Promise<OAuthClient> {
  const client = await clients.find(clientId);
  if (client !== null) return client;
  throw new DomainError("oauth.unknown_client", "not_found", "There is no such client here.");
}

function unknownSession(): DomainError {
  return new DomainError("oauth.unknown_session", "not_found", "There is no such verification for this browser.");
}
