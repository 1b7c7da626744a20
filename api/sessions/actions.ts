import type { Clock } from "../../core/clock";
import { randomId, randomToken } from "../../core/crypto";
import { sha256Hex } from "../../core/hash";
import { DomainError, TransientError } from "../../core/errors";
import { describeDevice } from "./deviceName";
import {
  type ControlLoss,
  isSessionToken,
  SESSION_TOKEN_PREFIX,
  type SessionLifetime,
  type SessionWallet,
  sessionEnd,
  sessionExpiresAt,
  sessionOver,
  sessionUnknown,
} from "./rules";
import type { SessionStore, StoredSession } from "./store";

export interface SessionDeps {
  sessions: SessionStore;
  clock: Clock;
  /** How long sessions live. */
  config: { sessions: SessionLifetime };
}

/** What deciding whether a wallet still stands behind its session needs. */
export interface ControlDeps extends SessionDeps {
  /** Why a session that a wallet opened is over, by what is linked and what the index says; null while it stands. */
  controlLossOf(session: SessionWallet & { userId: string }): Promise<ControlLoss | null>;
}

/** A session just opened. The token is known to the caller alone from here on. */
export interface OpenedSession {
  token: string;
  sessionId: string;
  userId: string;
  /** When it ends if nothing more is asked. */
  expiresAt: Date;
}

/**
 * Opens a session for a user whose identity was proven, by password or wallet.
 *
 * @param input.wallet the wallet that proved it; absent for a password
 */
export async function openSession(
  { sessions, clock, config }: SessionDeps,
  {
    userId,
    userAgent,
    wallet = null,
  }: { userId: string; userAgent: string | undefined; wallet?: SessionWallet | null },
): Promise<OpenedSession> {
  const token = randomToken(SESSION_TOKEN_PREFIX);
  const sessionId = randomId();
  const createdAt = clock.now();
  await sessions.insert({
    _id: sessionId,
    tokenHash: sha256Hex(token),
    userId,
    device: describeDevice(userAgent),
    wallet,
    createdAt,
  });
  return {
    token,
    sessionId,
    userId,
    expiresAt: sessionExpiresAt({ createdAt, lastActivityAt: createdAt }, config.sessions),
  };
}

/** How often a session that changes between two reads is read again. */
const READS = 3;

/**
 * Finds the valid session of a token and records the activity.
 *
 * @throws DomainError `session.unknown`, `session.idle`, `session.expired`, `session.revoked`
 */
export async function readSession({ sessions, clock, config }: SessionDeps, token: string): Promise<StoredSession> {
  if (!isSessionToken(token)) throw sessionUnknown();
  const tokenHash = sha256Hex(token);
  for (let tries = 0; tries < READS; tries += 1) {
    const now = clock.now();
    const touched = await sessions.touch(tokenHash, now);
    if (touched !== null) return touched;
    const session = await sessions.findByTokenHash(tokenHash);
    if (session === null) throw sessionUnknown();
    const end = sessionEnd(session, config.sessions, now);
    if (end !== undefined) throw sessionOver(end);
    // Another process, its clock a little behind, recorded activity in between: the session lives on.
  }
  throw new TransientError("session.unsettled", "The session changes faster than it can be read.");
}

/**
 * Authenticates a caller by its session's token and records the activity. A session that a wallet opened ends here when
 * the wallet was unlinked, or no longer controls the DID as whose holder it opened the session.
 *
 * @throws DomainError those of {@link readSession}, and `session.wallet_unlinked`, `session.control_changed`,
 * `session.did_deactivated`
 * @throws TransientError when the index cannot say who controls the DID
 */
export async function authenticateToken(
  deps: ControlDeps,
  token: string,
): Promise<{ userId: string; sessionId: string }> {
  const session = await readSession(deps, token);
  const loss = await endIfControlIsLost(deps, session);
  if (loss !== null) throw sessionOver(loss);
  return { userId: session.userId, sessionId: session._id };
}

async function endIfControlIsLost(
  { sessions, clock, controlLossOf }: ControlDeps,
  { _id, userId, wallet }: StoredSession,
): Promise<ControlLoss | null> {
  if (wallet === null) return null;
  const loss = await controlLossOf({ userId, ...wallet });
  if (loss !== null) await sessions.endForControlLoss({ sessionId: _id, userId }, loss, clock.now());
  return loss;
}

/** Ends the sessions that a wallet opened for a user, because it was unlinked. */
export async function endWalletSessions(
  { sessions, clock }: Pick<SessionDeps, "sessions" | "clock">,
  opened: { userId: string; walletAddress: string },
): Promise<void> {
  await sessions.endOfWallet(opened, clock.now());
}

/** Ends the caller's own session. */
export async function logout(
  { sessions, clock }: Pick<SessionDeps, "sessions" | "clock">,
  caller: { sessionId: string; userId: string },
): Promise<void> {
  await sessions.revoke(caller, clock.now());
}

/** Ends the session of a token that its browser is about to replace; anything else than a token is ignored. */
export async function endReplacedSession(
  { sessions, clock }: Pick<SessionDeps, "sessions" | "clock">,
  token: string | undefined,
): Promise<void> {
  if (token !== undefined && isSessionToken(token)) await sessions.revokeByTokenHash(sha256Hex(token), clock.now());
}

/** A session as its owner sees it in the list of devices. */
export interface ListedSession {
  id: string;
  device: string;
  /** The wallet that opened it; null for a password. */
  wallet: SessionWallet | null;
  createdAt: Date;
  lastActivityAt: Date;
  expiresAt: Date;
  current: boolean;
}

/** The user's valid sessions, the most recently used first; at most 100. Those whose wallet lost control end here. */
export async function listSessions(
  deps: ControlDeps,
  caller: { sessionId: string; userId: string },
): Promise<ListedSession[]> {
  const { sessions, clock, config } = deps;
  const found = await sessions.listValid(caller.userId, clock.now());
  const losses = await Promise.all(found.map((session) => endIfControlIsLost(deps, session)));
  const standing = found.filter((_, place) => losses[place] === null);
  return standing.map(({ _id, device, wallet, createdAt, lastActivityAt }) => ({
    id: _id,
    device,
    wallet,
    createdAt,
    lastActivityAt,
    expiresAt: sessionExpiresAt({ createdAt, lastActivityAt }, config.sessions),
    current: _id === caller.sessionId,
  }));
}

/**
 * Ends one of the user's sessions.
 *
 * @throws DomainError `session.not_found` when the user has no valid session of this id
 */
export async function revokeSession(
  { sessions, clock }: Pick<SessionDeps, "sessions" | "clock">,
  session: { sessionId: string; userId: string },
): Promise<void> {
  if (await sessions.revoke(session, clock.now())) return;
  throw new DomainError(
    "session.not_found",
    "not_found",
    "You have no session of this id: GET /auth/sessions lists them.",
  );
}

/** Ends every session of the caller's user but the caller's own; returns how many. */
export async function revokeOtherSessions(
  { sessions, clock }: Pick<SessionDeps, "sessions" | "clock">,
  caller: { sessionId: string; userId: string },
): Promise<number> {
  return sessions.revokeAll(caller.userId, clock.now(), caller.sessionId);
}
