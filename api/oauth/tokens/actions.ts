import { addSeconds, type Clock } from "../../../core/clock";
import { randomToken } from "../../../core/crypto";
import { sha256Hex } from "../../../core/hash";
import type { Logger } from "../../../core/logger";
import type { OAuthClient } from "../clients/rules";
import { oauthError } from "../errors";
import { TOKEN_SECONDS } from "../rules";
import type { OAuthSessionStore } from "../store";
import { codeChallengeOf } from "./pkce";
import { isTokenActive, type TokenRequest } from "./rules";

export interface TokenDeps {
  sessions: Pick<OAuthSessionStore, "consumeCode" | "findByCode" | "findByToken" | "revokeToken">;
  clock: Clock;
}

type ClientId = Pick<OAuthClient, "clientId">;

/**
 * Redeems an authorization code (RFC 6749 §4.1.3): valid once, for the client and redirect URI it was granted for, with
 * the code verifier of its challenge. A code that is presented again revokes the token it gave (§4.1.2), also when both
 * arrive at the same moment.
 *
 * @param input.context its logger is created when it is first read, which only a reused code needs
 * @throws DomainError `oauth.invalid_grant`
 */
export async function redeemCode(
  deps: TokenDeps,
  input: { client: ClientId; request: TokenRequest; context: { readonly logger: Logger } },
): Promise<{ accessToken: string; expiresInSeconds: number; scope: string }> {
  const { code, redirectUri, codeVerifier } = input.request;
  const { clientId } = input.client;
  const now = deps.clock.now();
  const codeHash = sha256Hex(code);
  const accessToken = randomToken("OAT-");
  const grant = await deps.sessions.consumeCode({
    codeHash,
    clientId,
    redirectUri,
    // A missing verifier fits only a request without a challenge, so that nobody can leave PKCE out (RFC 9700 §4.8).
    codeChallenge: codeVerifier === undefined ? null : codeChallengeOf(codeVerifier),
    tokenHash: sha256Hex(accessToken),
    tokenExpiresAt: addSeconds(now, TOKEN_SECONDS),
    at: now,
  });
  if (grant !== null) return { accessToken, expiresInSeconds: TOKEN_SECONDS, scope: grant.scope };
  await revokeIfReused(deps, { clientId, codeHash, context: input.context });
  throw oauthError(
    "invalid_grant",
    "The code is unknown, expired or consumed, or belongs to another client, redirect_uri or code_verifier.",
  );
}

async function revokeIfReused(
  { sessions, clock }: TokenDeps,
  input: { clientId: string; codeHash: string; context: { readonly logger: Logger } },
): Promise<void> {
  const { clientId, codeHash, context } = input;
  const session = await sessions.findByCode(codeHash);
  if (session === null || session.clientId !== clientId || session.consumedAt === null) return;
  await sessions.revokeToken(session.sessionId, clock.now());
  context.logger.warn(
    { clientId, oauthSessionId: session.sessionId },
    "a code was presented again: its token is revoked",
  );
}

/**
 * What a verification found, for the holder of its access token.
 *
 * @throws DomainError `oauth.invalid_token`
 */
export async function readInformation({ sessions, clock }: TokenDeps, accessToken: string) {
  const session = await sessions.findByToken(sha256Hex(accessToken));
  if (session === null || !isTokenActive(session, clock.now()) || session.result === null) {
    throw oauthError("invalid_token", "The access token is unknown, expired or revoked.");
  }
  const { sessionId, clientId, result, closedAt, request } = session;
  const common = { sub: sessionId, client_id: clientId, scope: request?.scope ?? "", verified_at: closedAt };
  if (result.status === "verified") return { ...common, status: result.status, claims: result.claims };
  const { status, errorCode, errorDescription } = result;
  return { ...common, status, error_code: errorCode, error_description: errorDescription };
}

/** Describes a token (RFC 7662 §2.2). To other clients than its own it is inactive. */
export async function introspectToken(
  { sessions, clock }: TokenDeps,
  { client, token, issuer }: { client: ClientId; token: string; issuer: string },
) {
  const session = await sessions.findByToken(sha256Hex(token));
  if (session === null || session.clientId !== client.clientId || !isTokenActive(session, clock.now())) {
    return { active: false as const };
  }
  return {
    active: true as const,
    client_id: session.clientId,
    scope: session.request?.scope ?? "",
    token_type: "Bearer",
    sub: session.sessionId,
    iss: issuer,
    exp: epochSeconds(session.tokenExpiresAt),
    iat: epochSeconds(session.consumedAt),
  };
}

/**
 * Revokes a token (RFC 7009 §2.1). An unknown token counts as revoked.
 *
 * @throws DomainError `oauth.invalid_grant` when it is another client's
 */
export async function revokeToken(
  { sessions, clock }: TokenDeps,
  { client, token }: { client: ClientId; token: string },
): Promise<void> {
  const session = await sessions.findByToken(sha256Hex(token));
  if (session === null) return;
  if (session.clientId !== client.clientId)
    throw oauthError("invalid_grant", "The token was issued to another client.");
  await sessions.revokeToken(session.sessionId, clock.now());
}

function epochSeconds(date: Date | null): number {
  return Math.floor((date?.getTime() ?? 0) / 1000);
}
