import { addSeconds, type Clock } from "../../../core/clock";
import { equalsInConstantTime } from "../../../core/hash";
import { TransientError } from "../../../core/errors";
import type { Logger } from "../../../core/logger";
import type { ClientStore } from "../clients/store";
import {
  CODE_SECONDS,
  givesCode,
  KEPT_SECONDS,
  type OAuthClient,
  type OAuthSession,
  type SessionStatus,
  TOKEN_SECONDS,
} from "../rules";
import type { OAuthSessionStore } from "../store";
import type { WalletVerifier } from "./verifier";

/** What became of a look at a verification. */
export type Settlement =
  | "session_not_found"
  | "unauthorized"
  | "session_not_authorized"
  | "session_already_processed"
  | "pending"
  | "verified"
  | "failed"
  | "expired";

/** Between any two of these the process may die, and the next one takes up the work. */
export type SettlementStep = "began" | "session read" | "verifier read" | "session closed";

/** What settling needs from around it. */
export interface SettlingParts {
  clients: Pick<ClientStore, "find">;
  sessions: OAuthSessionStore;
  verifier: WalletVerifier;
  clock: Clock;
  recheckSeconds: number;
  /** Told after each step; tests die here. */
  onStep?: ((step: SettlementStep) => void) | undefined;
}

/** A verifier's word that something happened, as it was kept. */
export interface Notification {
  verificationId: string;
  /** SHA-256 of the key it carried. */
  keyHash: string | null;
}

/**
 * Does what a notification asks for: it says only that the verifier has news, so the verifier is asked. Safe to run
 * twice and at once: closing is one conditional write.
 *
 * @throws TransientError `verifier.*` when the verifier cannot be asked now
 */
export async function settleNotification(
  parts: SettlingParts,
  notification: Notification,
  logger: Logger,
): Promise<Settlement> {
  const { verificationId, keyHash } = notification;
  parts.onStep?.("began");
  const session = await parts.sessions.findByVerification(verificationId);
  if (session === null) {
    logger.error({ verificationId, outcome: "session_not_found" }, "notification ignored: session not found");
    return "session_not_found";
  }
  const client = await parts.clients.find(session.clientId);
  const expected = client?.notificationKeyHash ?? null;
  if (expected !== null && !equalsInConstantTime(expected, keyHash ?? "")) {
    logger.error(
      { verificationId, outcome: "unauthorized" },
      "notification ignored: it does not carry the verifier's key",
    );
    return "unauthorized";
  }
  return settle(parts, { session, client }, logger);
}

/** Looks after a session without having been told to: a notification may be lost, and time runs out. */
export async function settleSession(parts: SettlingParts, sessionId: string, logger: Logger): Promise<Settlement> {
  const session = await parts.sessions.find(sessionId);
  if (session === null) return "session_not_found";
  const now = parts.clock.now();
  if (session.status === "authorized" && session.expiresAt <= now) {
    return expire(parts, session, await parts.clients.find(session.clientId), logger);
  }
  try {
    return await settle(parts, { session, client: await parts.clients.find(session.clientId) }, logger);
  } finally {
    await parts.sessions.checkAgain(sessionId, nextCheck(parts, session));
  }
}

async function settle(
  parts: SettlingParts,
  { session, client }: { session: OAuthSession; client: OAuthClient | null },
  logger: Logger,
): Promise<Settlement> {
  const { sessions, verifier, clock, onStep } = parts;
  const { sessionId, clientId, status, verificationId, promisedCodeHash } = session;
  const named = { oauthSessionId: sessionId, clientId, verificationId };
  onStep?.("session read");
  if (status !== "authorized" || verificationId === undefined || client === null) {
    if (status === "pending" || client === null) {
      const outcome = "session_not_authorized";
      logger.error({ ...named, status, outcome }, "notification ignored: session not authorized");
      return outcome;
    }
    return alreadyProcessed({ ...named, status }, logger);
  }

  const answer = await readVerifier(verifier, client, { verificationId, logger });
  onStep?.("verifier read");
  if (answer.state === "pending") {
    logger.info({ ...named, outcome: "pending" }, "notification ignored: verification pending");
    // The verifier may have spoken before its own database did, and will not speak again.
    await sessions.checkAgain(sessionId, nextCheck(parts, session));
    return "pending";
  }
  if (answer.state === "expired") return expire(parts, session, client, logger);

  const { verdict } = answer;
  const at = clock.now();
  const codeExpiresAt = addSeconds(at, CODE_SECONDS);
  const code =
    givesCode(client, verdict) && promisedCodeHash !== null
      ? { hash: promisedCodeHash, expiresAt: codeExpiresAt }
      : null;
  const tellAt = client.webhookUrl === null ? null : at;
  // Outlasts the token of a code redeemed in the last moment, so that redeeming need not put it off.
  const forgetAt = addSeconds(codeExpiresAt, TOKEN_SECONDS + KEPT_SECONDS);
  const closed = await sessions.close(sessionId, { verdict, code, at, tellAt, forgetAt });
  onStep?.("session closed");
  if (closed) {
    logger.info({ ...named, outcome: verdict.result, code: code !== null }, `verification ${verdict.result}`);
    return verdict.result;
  }
  if (session.expiresAt <= at) return expire(parts, session, client, logger);
  return alreadyProcessed(named, logger);
}

/**
 * Verifiers deliver at least once, and a look of our own may come first: nothing is wrong with a session that was
 * closed before. Word of one whose time had run out is another matter: a wallet may have answered in vain.
 */
function alreadyProcessed(
  named: { oauthSessionId: string; status?: SessionStatus },
  logger: Logger,
): "session_already_processed" {
  const outcome = "session_already_processed";
  const message = "notification ignored: session already processed";
  if (named.status === "expired") logger.error({ ...named, outcome }, message);
  else logger.info({ ...named, outcome }, message);
  return outcome;
}

async function readVerifier(
  verifier: WalletVerifier,
  client: OAuthClient,
  { verificationId, logger }: { verificationId: string; logger: Logger },
) {
  try {
    return await verifier.read(client, verificationId);
  } catch (error) {
    if (error instanceof TransientError)
      logger.error({ err: error, verificationId, outcome: error.code }, "verifier fetch failed");
    throw error;
  }
}

async function expire(
  parts: SettlingParts,
  session: OAuthSession,
  client: OAuthClient | null,
  logger: Logger,
): Promise<Settlement> {
  const { sessionId, clientId } = session;
  const at = parts.clock.now();
  const tellAt = (client?.webhookUrl ?? null) === null ? null : at;
  const expired = await parts.sessions.expire(sessionId, { at, tellAt, forgetAt: addSeconds(at, KEPT_SECONDS) });
  if (!expired) return "session_already_processed";
  logger.info({ oauthSessionId: sessionId, clientId, outcome: "expired" }, "verification expired");
  return "expired";
}

/** The next look at a silent verification; the last one when its time is over. */
function nextCheck({ clock, recheckSeconds }: SettlingParts, { expiresAt }: OAuthSession): Date {
  const regular = addSeconds(clock.now(), recheckSeconds);
  return regular < expiresAt ? regular : expiresAt;
}
