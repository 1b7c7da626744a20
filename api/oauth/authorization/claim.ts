import { addSeconds, type Clock } from "../../../core/clock";
import { equalsInConstantTime, sha256Hex } from "../../../core/crypto";
import { DomainError, TransientError } from "../../../core/errors";
import type { Logger } from "../../../core/logger";
import type { ClientStore } from "../clients/store";
import {
  type AuthorizationRequest,
  combineQueries,
  KEPT_SECONDS,
  type OAuthClient,
  type OAuthSession,
  redirectBack,
  scopesOf,
  statusAt,
  VERIFICATION_SECONDS,
} from "../rules";
import { codeOf, newBrowserSecret } from "../secrets";
import type { OAuthSessionStore } from "../store";
import type { WalletVerifier } from "./verifier";

/** What the gateway's front needs from around it. */
export interface GatewayParts {
  clients: Pick<ClientStore, "find">;
  sessions: OAuthSessionStore;
  verifier: WalletVerifier;
  clock: Clock;
  /** Who answers: the public origin (RFC 8414 §2, RFC 9207 §2). */
  issuer: string;
  /** After this long without word from the verifier it is asked. */
  recheckSeconds: number;
}

/** The answer to a browser that wants to begin: back to the client, or to the page, with the secret the browser keeps. */
export type Beginning = { redirect: string } | { session: OAuthSession; client: OAuthClient; browserSecret: string };

/** A browser that was given a session and came to nothing has lost it after this long. */
const OPENING_SECONDS = 60;

/** A session that a browser wants. */
export interface Opening {
  session: OAuthSession;
  client: OAuthClient;
  request: AuthorizationRequest;
  /** What the browser holds already. */
  browserSecret: string | undefined;
  logger: Logger;
}

/**
 * Gives a pending session to a browser and opens the verification at the client's verifier; back to the client when the
 * verifier opens none, and the session waits as before.
 *
 * @throws DomainError `oauth.session_expired`, `oauth.session_taken`
 */
export async function openSession(parts: GatewayParts, opening: Opening): Promise<Beginning> {
  const { sessions, verifier, clock } = parts;
  const { session, client, request, browserSecret = newBrowserSecret(), logger } = opening;
  const { sessionId } = session;
  const now = clock.now();
  const browserHash = sha256Hex(browserSecret);
  if (!(await sessions.reserve(sessionId, { browserHash, at: now }, addSeconds(now, -OPENING_SECONDS)))) {
    if (statusAt(session, now) === "expired") {
      throw new DomainError(
        "oauth.session_expired",
        "gone",
        "This link has expired: go back to the site you came from and begin again.",
      );
    }
    throw new DomainError(
      "oauth.session_taken",
      "conflict",
      "This link was opened before: go back to the site you came from and begin again.",
    );
  }
  let opened: { verificationId: string; deepLink: string };
  try {
    const query = combineQueries(scopesOf(client, request.scope));
    opened = await verifier.create(client, { query, acceptedIssuers: client.acceptedIssuers });
  } catch (error) {
    await sessions.release(sessionId, browserHash);
    if (!(error instanceof TransientError)) throw error;
    logger.error(
      { err: error, oauthSessionId: sessionId, clientId: client.clientId },
      "the verifier opened no verification",
    );
    const answer = {
      error: "temporarily_unavailable",
      error_description: "The verifier does not answer; try again in a moment.",
    };
    return { redirect: redirectBack(request, parts.issuer, answer) };
  }
  const openedAt = clock.now();
  const expiresAt = addSeconds(openedAt, VERIFICATION_SECONDS);
  const changes = {
    ...{ ...opened, request, expiresAt, promisedCodeHash: sha256Hex(codeOf(browserSecret, sessionId)) },
    ...{ checkAt: addSeconds(openedAt, parts.recheckSeconds), forgetAt: addSeconds(expiresAt, KEPT_SECONDS) },
  };
  if (!(await sessions.authorize(sessionId, browserHash, changes))) {
    throw new DomainError(
      "oauth.session_taken",
      "conflict",
      "This took too long and was begun elsewhere: begin again.",
    );
  }
  logger.info(
    { oauthSessionId: sessionId, clientId: client.clientId, verificationId: opened.verificationId },
    "session authorized",
  );
  const authorized = { ...session, ...changes, status: "authorized" as const, opening: { browserHash, at: now } };
  return { session: authorized, client, browserSecret };
}

/** Whether a session belongs to the browser that holds this secret. */
export function isBrowserOf(session: OAuthSession, browserSecret: string | undefined): boolean {
  if (browserSecret === undefined || session.opening === null || session.status === "pending") return false;
  return equalsInConstantTime(session.opening.browserHash, sha256Hex(browserSecret));
}
