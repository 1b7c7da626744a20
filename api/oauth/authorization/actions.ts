import { addSeconds, type Clock } from "../../../core/clock";
import { randomId, randomToken } from "../../../core/crypto";
import { sha256Hex } from "../../../core/hash";
import { DomainError } from "../../../core/errors";
import type { Logger } from "../../../core/logger";
import type { OAuthClient } from "../clients/rules";
import type { ClientStore } from "../clients/store";
import { oauthError, unknownClient, unknownSession } from "../errors";
import {
  type AuthorizationRequest,
  type OAuthSession,
  PUSHED_REQUEST_SECONDS,
  type RequestParameters,
  RETENTION_SECONDS,
  SETUP_SECONDS,
} from "../rules";
import type { OAuthSessionStore } from "../store";
import { isClaimedBy } from "./browserSecret";
import { type AuthorizeResult, claimSession, type ClaimSessionDeps } from "./claim";
import {
  authorizationResponseUrl,
  parseAuthorizationRequest,
  parseState,
  REQUEST_URI_PREFIX,
  requireRedirectUri,
} from "./rules";

interface CreateSessionDeps {
  sessions: Pick<OAuthSessionStore, "create">;
  clock: Clock;
}

export interface AuthorizeDeps extends ClaimSessionDeps {
  clients: Pick<ClientStore, "find">;
  sessions: ClaimSessionDeps["sessions"] & Pick<OAuthSessionStore, "create" | "findByHandle">;
}

/**
 * Creates a session for a client that hands its nonce to a browser.
 *
 * @returns the nonce: 256 bits, valid once and for 15 minutes; the session's id, which the client's webhook names
 */
export async function setUpSession(
  deps: CreateSessionDeps,
  client: OAuthClient,
): Promise<{ nonce: string; sessionId: string; expiresInSeconds: number }> {
  const nonce = randomToken();
  const { sessionId } = await createSession(deps, {
    client,
    handle: nonce,
    pushedRequest: null,
    expiresInSeconds: SETUP_SECONDS,
  });
  return { nonce, sessionId, expiresInSeconds: SETUP_SECONDS };
}

/**
 * Stores an authorization request until a browser refers to it (RFC 9126 §2).
 *
 * @throws DomainError as {@link parseAuthorizationRequest}
 */
export async function pushAuthorizationRequest(
  deps: CreateSessionDeps,
  { client, form }: { client: OAuthClient; form: RequestParameters },
): Promise<{ requestUri: string; sessionId: string; expiresInSeconds: number }> {
  // RFC 9126 §2.1: what is pushed cannot refer to what was pushed.
  if (form["request_uri"] !== undefined) throw oauthError("invalid_request", "request_uri cannot be pushed.");
  if (form["client_id"] !== undefined && form["client_id"] !== client.clientId) {
    throw oauthError("invalid_request", "client_id is not the client that authenticated.");
  }
  const pushedRequest = parseAuthorizationRequest(client, requireRedirectUri(client, form["redirect_uri"]), form);
  const handle = randomToken();
  const expiresInSeconds = PUSHED_REQUEST_SECONDS;
  const { sessionId } = await createSession(deps, { client, handle, pushedRequest, expiresInSeconds });
  return { requestUri: REQUEST_URI_PREFIX + handle, sessionId, expiresInSeconds };
}

/**
 * Authorizes a session that was set up or pushed: claims it for this browser and creates the verification. Of several
 * browsers one gets it, and that one may come again.
 *
 * @param input.handle the nonce of the set-up, or the reference of the pushed request
 * @throws DomainError for a page, where nobody may be redirected: `oauth.unknown_session`, `oauth.session_taken`,
 *   `oauth.session_expired`, `oauth.invalid_request`
 */
export async function authorizeHandle(
  deps: AuthorizeDeps,
  input: { handle: string; parameters: RequestParameters; browserSecret: string | undefined; logger: Logger },
): Promise<AuthorizeResult> {
  const { handle, parameters, browserSecret, logger } = input;
  const session = await deps.sessions.findByHandle(sha256Hex(handle));
  if (session === null) throw unknownSession();
  const client = await requireClient(deps, session.clientId);
  if (parameters["client_id"] !== undefined && parameters["client_id"] !== client.clientId) {
    throw oauthError("invalid_request", "client_id is not the client that began this.");
  }
  if (isClaimedBy(session, browserSecret)) return { session, client, browserSecret: browserSecret ?? "" };
  const request = session.pushedRequest ?? parseRequest(deps, client, parameters);
  if ("redirect" in request) return request;
  return claimSession(deps, { session, client, request, browserSecret, logger });
}

/**
 * Authorizes what the browser itself brought (RFC 6749 §4.1.1).
 *
 * @throws DomainError for a page, where nobody may be redirected: `oauth.unknown_client`, `oauth.invalid_request`
 */
export async function authorizeRequest(
  deps: AuthorizeDeps,
  input: { parameters: RequestParameters; browserSecret: string | undefined; logger: Logger },
): Promise<AuthorizeResult> {
  const { parameters, browserSecret, logger } = input;
  const { client_id: clientId } = parameters;
  if (clientId === undefined) throw oauthError("invalid_request", "client_id is missing.");
  const client = await requireClient(deps, clientId);
  const request = parseRequest(deps, client, parameters);
  if ("redirect" in request) return request;
  const session = await createSession(deps, {
    client,
    handle: randomToken(),
    pushedRequest: request,
    expiresInSeconds: SETUP_SECONDS,
  });
  return claimSession(deps, { session, client, request, browserSecret, logger });
}

async function createSession(
  { sessions, clock }: CreateSessionDeps,
  input: {
    client: OAuthClient;
    handle: string;
    pushedRequest: AuthorizationRequest | null;
    expiresInSeconds: number;
  },
): Promise<OAuthSession> {
  const { client, handle, pushedRequest, expiresInSeconds } = input;
  const createdAt = clock.now();
  const session: OAuthSession = {
    sessionId: randomId(),
    clientId: client.clientId,
    handleHash: sha256Hex(handle),
    status: "pending",
    createdAt,
    expiresAt: addSeconds(createdAt, expiresInSeconds),
    pushedRequest,
    claim: null,
    request: null,
    deepLink: null,
    pendingCodeHash: null,
    result: null,
    closedAt: null,
    codeExpiresAt: null,
    consumedAt: null,
    tokenExpiresAt: null,
    tokenRevokedAt: null,
  };
  await sessions.create(session, addSeconds(session.expiresAt, RETENTION_SECONDS));
  return session;
}

/** The request, or the redirect that brings its error to the client (RFC 6749 §4.1.2.1). */
function parseRequest(
  { issuer }: Pick<AuthorizeDeps, "issuer">,
  client: OAuthClient,
  parameters: RequestParameters,
): AuthorizationRequest | { redirect: string } {
  const redirectUri = requireRedirectUri(client, parameters["redirect_uri"]);
  const state = parseState(parameters["state"]);
  try {
    return parseAuthorizationRequest(client, redirectUri, parameters);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    const response = { error: error.code.replace(/^oauth\./, ""), error_description: error.message };
    return { redirect: authorizationResponseUrl({ redirectUri, state }, issuer, response) };
  }
}

async function requireClient({ clients }: Pick<AuthorizeDeps, "clients">, clientId: string): Promise<OAuthClient> {
  const client = await clients.find(clientId);
  if (client === null) throw unknownClient();
  return client;
}
