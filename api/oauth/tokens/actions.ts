import { addSeconds, type Clock } from "../../../core/clock";
import { randomToken } from "../../../core/crypto";
import { sha256Hex } from "../../../core/hash";
import type { Logger } from "../../../core/logger";
import {
  isTokenActive,
  oauthRefusal,
  type OAuthClient,
  type OAuthSession,
  requireCodeVerifier,
  TOKEN_SECONDS,
} from "../rules";
import { challengeOf } from "../secrets";
import type { OAuthSessionStore } from "../store";

/** What tokens need from around them. */
export interface TokenParts {
  sessions: Pick<OAuthSessionStore, "redeem" | "findByCode" | "findByToken" | "revokeToken">;
  clock: Clock;
}

/** Where what is noteworthy is said; its logger is made when it is first asked for. */
interface Trace {
  readonly logger: Logger;
}

/** A code as a client presents it. */
export interface PresentedCode {
  code: string;
  redirectUri: string;
  codeVerifier: string | undefined;
}

/**
 * Redeems an authorization code (RFC 6749 §4.1.3): good once, for the client and redirect URI it was given for, with
 * the PKCE verifier of its challenge. A code that comes a second time takes back the token it gave (§4.1.2), also when
 * both come at the same moment.
 *
 * @throws DomainError `oauth.invalid_grant`
 */
export async function redeemCode(
  { sessions, clock }: TokenParts,
  { client, presented, trace }: { client: Pick<OAuthClient, "clientId">; presented: PresentedCode; trace: Trace },
): Promise<{ accessToken: string; expiresInSeconds: number; scope: string }> {
  const { code, redirectUri, codeVerifier } = presented;
  const { clientId } = client;
  const now = clock.now();
  const codeHash = sha256Hex(code);
  // No verifier fits only a code without challenge, and the other way round: nobody can leave PKCE out (RFC 9700 §4.8).
  const codeChallenge = codeVerifier === undefined ? null : challengeOf(requireCodeVerifier(codeVerifier));
  const accessToken = randomToken("OAT-");
  const tokenExpiresAt = addSeconds(now, TOKEN_SECONDS);
  const token = { tokenHash: sha256Hex(accessToken), tokenExpiresAt };
  const redeemed = await sessions.redeem({ codeHash, clientId, redirectUri, codeChallenge, ...token, at: now });
  if (redeemed !== null) {
    return { accessToken, expiresInSeconds: TOKEN_SECONDS, scope: redeemed.scope };
  }
  const session = await sessions.findByCode(codeHash);
  if (session !== null && session.clientId === clientId && session.consumedAt !== null) {
    await sessions.revokeToken(session.sessionId, now);
    trace.logger.warn({ clientId, oauthSessionId: session.sessionId }, "a code came twice: its token is revoked");
  }
  throw oauthRefusal(
    "invalid_grant",
    "The code is unknown, expired or consumed, or belongs to another client, redirect_uri or code_verifier.",
  );
}

/**
 * What a verification found, for the holder of its access token.
 *
 * @throws DomainError `oauth.invalid_token`
 */
export async function readInformation({ sessions, clock }: TokenParts, accessToken: string) {
  const session = await sessions.findByToken(sha256Hex(accessToken));
  if (session === null || !isTokenActive(session, clock.now()) || session.verdict === null) {
    throw oauthRefusal("invalid_token", "The access token is unknown, expired or revoked.");
  }
  const { sessionId, clientId, verdict, closedAt, request } = session;
  const common = { sub: sessionId, client_id: clientId, scope: request?.scope ?? "", verified_at: closedAt };
  return verdict.result === "verified"
    ? { ...common, status: "verified" as const, claims: verdict.claims }
    : {
        ...common,
        status: "failed" as const,
        error_code: verdict.errorCode,
        error_description: verdict.errorDescription,
      };
}

/** What a token is (RFC 7662 §2.2). A client learns nothing of tokens that are not its own. */
export async function introspect(
  { sessions, clock }: TokenParts,
  { client, token, issuer }: { client: Pick<OAuthClient, "clientId">; token: string; issuer: string },
) {
  const session = await sessions.findByToken(sha256Hex(token));
  if (session === null || session.clientId !== client.clientId || !isTokenActive(session, clock.now())) {
    return { active: false as const };
  }
  return {
    ...{
      active: true as const,
      client_id: session.clientId,
      scope: session.request?.scope ?? "",
      token_type: "Bearer",
    },
    ...{ sub: session.sessionId, iss: issuer, exp: epoch(session.tokenExpiresAt), iat: epoch(session.consumedAt) },
  };
}

/**
 * Takes a token back (RFC 7009 §2.1). One that nobody has is taken back already.
 *
 * @throws DomainError `oauth.invalid_grant` when it is another client's
 */
export async function revoke(
  { sessions, clock }: TokenParts,
  { client, token }: { client: Pick<OAuthClient, "clientId">; token: string },
): Promise<void> {
  const session: OAuthSession | null = await sessions.findByToken(sha256Hex(token));
  if (session === null) return;
  if (session.clientId !== client.clientId)
    throw oauthRefusal("invalid_grant", "The token was issued to another client.");
  await sessions.revokeToken(session.sessionId, clock.now());
}

function epoch(date: Date | null): number {
  return Math.floor((date?.getTime() ?? 0) / 1000);
}
