import { addSeconds, type Clock } from "../../../core/clock";
import { sha256Hex } from "../../../core/hash";
import { DomainError, TransientError } from "../../../core/errors";
import type { Logger } from "../../../core/logger";
import type { Context } from "../../../process/context";
import { combineQueries, type OAuthClient, scopesOf } from "../clients/rules";
import {
  type AuthorizationRequest,
  type OAuthSession,
  RETENTION_SECONDS,
  type SessionClaim,
  statusAt,
  VERIFICATION_SECONDS,
} from "../rules";
import type { OAuthSessionStore } from "../store";
import { createBrowserSecret, deriveCode } from "./browserSecret";
import { authorizationResponseUrl } from "./rules";
import type { WalletVerifier } from "./verifier";

export interface ClaimSessionDeps {
  sessions: Pick<OAuthSessionStore, "claim" | "releaseClaim" | "authorize">;
  verifier: Pick<WalletVerifier, "create">;
  clock: Clock;
  /** The public origin, which names this authorization server (RFC 8414 §2, RFC 9207 §2). */
  issuer: string;
  config: Pick<Context["config"], "oauth">;
}

/** What a browser that asks for authorization gets: a redirect to the client, or its session, to be shown as a page. */
export type AuthorizeResult =
  { redirect: string } | { session: OAuthSession; client: OAuthClient; browserSecret: string };

/** A claim that has not led to a verification after this long no longer counts. */
const CLAIM_SECONDS = 60;

/**
 * Claims a pending session for a browser and creates the verification at the client's verifier. When the verifier cannot
 * create one, the browser is redirected to the client with an error and the session stays pending.
 *
 * @param input.browserSecret what the browser's cookie holds already; undefined when it has none
 * @throws DomainError `oauth.session_expired`, `oauth.session_taken`
 */
export async function claimSession(
  deps: ClaimSessionDeps,
  input: {
    session: OAuthSession;
    client: OAuthClient;
    request: AuthorizationRequest;
    browserSecret: string | undefined;
    logger: Logger;
  },
): Promise<AuthorizeResult> {
  const { sessions, clock, config } = deps;
  const { session, client, request, browserSecret = createBrowserSecret(), logger } = input;
  const { sessionId } = session;
  const claim: SessionClaim = { browserHash: sha256Hex(browserSecret), claimedAt: clock.now() };
  await requireClaim(deps, session, claim);
  const verification = await createVerification(deps, { sessionId, claim, client, request, logger });
  if (verification === null) {
    const redirect = authorizationResponseUrl(request, deps.issuer, {
      error: "temporarily_unavailable",
      error_description: "The verifier does not answer; try again in a moment.",
    });
    return { redirect };
  }
  const { verificationId, deepLink } = verification;
  const createdAt = clock.now();
  const expiresAt = addSeconds(createdAt, VERIFICATION_SECONDS);
  const pendingCodeHash = sha256Hex(deriveCode(browserSecret, sessionId));
  const isAuthorized = await sessions.authorize(sessionId, claim.browserHash, {
    request,
    verificationId,
    deepLink,
    pendingCodeHash,
    expiresAt,
    pollAt: addSeconds(createdAt, config.oauth.recheckSeconds),
    purgeAt: addSeconds(expiresAt, RETENTION_SECONDS),
  });
  if (!isAuthorized) throw sessionTaken("This took too long and was begun elsewhere: begin again.");
  logger.info({ oauthSessionId: sessionId, clientId: client.clientId, verificationId }, "session authorized");
  const authorized: OAuthSession = {
    ...session,
    status: "authorized",
    claim,
    request,
    verificationId,
    deepLink,
    pendingCodeHash,
    expiresAt,
  };
  return { session: authorized, client, browserSecret };
}

async function requireClaim(
  { sessions }: Pick<ClaimSessionDeps, "sessions">,
  session: OAuthSession,
  claim: SessionClaim,
): Promise<void> {
  const { claimedAt } = claim;
  if (await sessions.claim(session.sessionId, claim, addSeconds(claimedAt, -CLAIM_SECONDS))) return;
  if (statusAt(session, claimedAt) === "expired") {
    const message = "This link has expired: go back to the site you came from and begin again.";
    throw new DomainError("oauth.session_expired", "gone", message);
  }
  throw sessionTaken("This link was opened before: go back to the site you came from and begin again.");
}

/** Creates the verification; null, with the claim released, when the verifier cannot now. */
async function createVerification(
  { sessions, verifier }: Pick<ClaimSessionDeps, "sessions" | "verifier">,
  input: { sessionId: string; claim: SessionClaim; client: OAuthClient; request: AuthorizationRequest; logger: Logger },
): Promise<{ verificationId: string; deepLink: string } | null> {
  const { sessionId, claim, client, request, logger } = input;
  try {
    const query = combineQueries(scopesOf(client, request.scope));
    return await verifier.create(client, { query, acceptedIssuers: client.acceptedIssuers });
  } catch (error) {
    await sessions.releaseClaim(sessionId, claim.browserHash);
    if (!(error instanceof TransientError)) throw error;
    const { clientId } = client;
    logger.error({ err: error, oauthSessionId: sessionId, clientId }, "the verifier created no verification");
    return null;
  }
}

function sessionTaken(message: string): DomainError {
  return new DomainError("oauth.session_taken", "conflict", message);
}
