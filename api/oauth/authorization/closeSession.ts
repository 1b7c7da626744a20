import { addSeconds, type Clock } from "../../../core/clock";
import { assertNever, TransientError } from "../../../core/errors";
import type { Logger } from "../../../core/logger";
import type { Context } from "../../../process/context";
import type { OAuthClient } from "../clients/rules";
import type { ClientStore } from "../clients/store";
import {
  CODE_SECONDS,
  type OAuthSession,
  RETENTION_SECONDS,
  type SessionStatus,
  TOKEN_SECONDS,
  type VerificationResult,
} from "../rules";
import { type HandOverDeps, tryHandOver } from "../outcomeWebhook";
import type { AuthorizationCode, OAuthSessionStore } from "../store";
import { grantsCode } from "./rules";
import type { VerificationState, WalletVerifier } from "./verifier";

/** What came of asking the verifier about a session. */
export type CloseOutcome =
  | "session_not_found"
  | "session_not_authorized"
  | "session_already_processed"
  | "pending"
  | "verified"
  | "failed"
  | "expired";

export interface CloseSessionDeps extends HandOverDeps {
  clients: Pick<ClientStore, "find">;
  sessions: HandOverDeps["sessions"] & Pick<OAuthSessionStore, "find" | "close" | "expire" | "schedulePoll">;
  verifier: Pick<WalletVerifier, "read" | "release">;
  clock: Clock;
  config: Pick<Context["config"], "oauth">;
  /** Called between the steps at which a process may die; crash tests end it here. */
  onStep?: ((step: string) => void | Promise<void>) | undefined;
}

/** A session of a client that exists. */
interface ClientSession {
  session: OAuthSession;
  client: OAuthClient;
  logger: Logger;
}

/** A session that waits for its wallet. */
interface AuthorizedSession extends ClientSession {
  verificationId: string;
}

/**
 * Polls the verifier of a session that no notification has closed: a notification may be lost, and time runs out.
 *
 * @throws TransientError `verifier.*` when the verifier cannot be asked now; the next poll is scheduled
 */
export async function pollSession(
  deps: CloseSessionDeps,
  { sessionId, logger }: { sessionId: string; logger: Logger },
): Promise<CloseOutcome> {
  const session = await deps.sessions.find(sessionId);
  if (session === null) return "session_not_found";
  const client = await deps.clients.find(session.clientId);
  if (session.status === "authorized" && session.expiresAt <= deps.clock.now()) {
    return expireSession(deps, { session, client, logger });
  }
  try {
    return await closeSession(deps, { session, client, logger });
  } finally {
    await deps.sessions.schedulePoll(sessionId, nextPollAt(deps, session));
  }
}

/**
 * Asks the verifier how a verification ended and closes its session accordingly. Safe to run twice and at once: closing
 * is one conditional write.
 *
 * @throws TransientError `verifier.*` when the verifier cannot be asked now
 */
export async function closeSession(
  deps: CloseSessionDeps,
  { session, client, logger }: { session: OAuthSession; client: OAuthClient | null; logger: Logger },
): Promise<CloseOutcome> {
  const { sessionId, clientId, status, verificationId } = session;
  await deps.onStep?.("session read");
  if (status === "pending" || client === null) {
    const outcome = "session_not_authorized";
    logger.error(
      { oauthSessionId: sessionId, clientId, verificationId, status, outcome },
      "notification ignored: session not authorized",
    );
    return outcome;
  }
  if (status !== "authorized" || verificationId === undefined) {
    // Whoever closed it may have died before it released the verification.
    if (verificationId !== undefined && session.closedAt !== null) await deps.verifier.release(client, verificationId);
    return alreadyProcessed({ session, status, logger });
  }

  const state = await readVerifier(deps, { client, verificationId, logger });
  await deps.onStep?.("verifier read");
  return applyState(deps, { session, client, verificationId, logger }, state);
}

async function applyState(
  deps: CloseSessionDeps,
  authorized: AuthorizedSession,
  verification: VerificationState,
): Promise<CloseOutcome> {
  switch (verification.state) {
    case "pending":
      return postpone(deps, authorized);
    case "expired":
      return expireSession(deps, authorized);
    case "closed":
      return applyResult(deps, authorized, verification.result);
    default:
      return assertNever(verification);
  }
}

/** The notification may have come before the verifier's own database knew, and no other will come: the poll stays. */
async function postpone(deps: CloseSessionDeps, { session, verificationId, logger }: AuthorizedSession) {
  const { sessionId, clientId } = session;
  const outcome = "pending" as const;
  logger.info(
    { oauthSessionId: sessionId, clientId, verificationId, outcome },
    "notification ignored: verification pending",
  );
  await deps.sessions.schedulePoll(sessionId, nextPollAt(deps, session));
  return outcome;
}

async function applyResult(
  deps: CloseSessionDeps,
  authorized: AuthorizedSession,
  result: VerificationResult,
): Promise<CloseOutcome> {
  const { session, client, verificationId, logger } = authorized;
  const { sessionId, clientId, pendingCodeHash, expiresAt } = session;
  const at = deps.clock.now();
  const codeExpiresAt = addSeconds(at, CODE_SECONDS);
  const code: AuthorizationCode | null =
    grantsCode(client, result) && pendingCodeHash !== null ? { hash: pendingCodeHash, expiresAt: codeExpiresAt } : null;
  const isClosed = await deps.sessions.close(sessionId, {
    result,
    code,
    at,
    wantsWebhook: client.webhookUrl !== null,
    // Outlasts the token of a code redeemed in the last moment, so that redeeming need not put it off.
    purgeAt: addSeconds(codeExpiresAt, TOKEN_SECONDS + RETENTION_SECONDS),
  });
  await deps.onStep?.("session closed");
  if (isClosed) {
    logger.info(
      { oauthSessionId: sessionId, clientId, verificationId, outcome: result.status, code: code !== null },
      `verification ${result.status}`,
    );
    await tryHandOver(deps, sessionId, logger);
    await deps.verifier.release(client, verificationId);
    return result.status;
  }
  if (expiresAt <= at) return expireSession(deps, authorized);
  return alreadyProcessed({ session, status: undefined, logger });
}

/**
 * Verifiers deliver at least once, and our own poll may come first: a session that was closed before is no error. A
 * notification for a session that has expired is one: a wallet may have answered in vain.
 */
function alreadyProcessed(input: {
  session: OAuthSession;
  /** Undefined when it changed since it was read. */
  status: SessionStatus | undefined;
  logger: Logger;
}): "session_already_processed" {
  const { session, status, logger } = input;
  const { sessionId, clientId, verificationId } = session;
  const outcome = "session_already_processed";
  const level = status === "expired" ? "error" : "info";
  logger[level](
    { oauthSessionId: sessionId, clientId, verificationId, status, outcome },
    "notification ignored: session already processed",
  );
  return outcome;
}

async function readVerifier(
  { verifier }: Pick<CloseSessionDeps, "verifier">,
  input: { client: OAuthClient; verificationId: string; logger: Logger },
): Promise<VerificationState> {
  const { client, verificationId, logger } = input;
  try {
    return await verifier.read(client, verificationId);
  } catch (error) {
    if (error instanceof TransientError)
      logger.error({ err: error, verificationId, outcome: error.code }, "the verifier could not be read");
    throw error;
  }
}

async function expireSession(
  deps: CloseSessionDeps,
  { session, client, logger }: { session: OAuthSession; client: OAuthClient | null; logger: Logger },
): Promise<CloseOutcome> {
  const { sessionId, clientId } = session;
  const at = deps.clock.now();
  const wantsWebhook = (client?.webhookUrl ?? null) !== null;
  const purgeAt = addSeconds(at, RETENTION_SECONDS);
  if (!(await deps.sessions.expire(sessionId, { at, wantsWebhook, purgeAt }))) return "session_already_processed";
  logger.info({ oauthSessionId: sessionId, clientId, outcome: "expired" }, "verification expired");
  await tryHandOver(deps, sessionId, logger);
  return "expired";
}

/** When to poll a verification next: at the latest when its time is over. */
function nextPollAt({ clock, config }: Pick<CloseSessionDeps, "clock" | "config">, { expiresAt }: OAuthSession): Date {
  const regular = addSeconds(clock.now(), config.oauth.recheckSeconds);
  return regular < expiresAt ? regular : expiresAt;
}
