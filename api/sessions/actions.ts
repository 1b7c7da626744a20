import { addSeconds, type Clock } from "../../core/clock";
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

/** What ending sessions, and telling the user's devices of it, needs. */
export interface EndSessionDeps {
  sessions: SessionStore;
  clock: Clock;
  /** Stores an event for the user's devices, once for each key. */
  appendUserEvent(event: {
    userId: string;
    type: "session.invalidated";
    key: string;
    payload: { sessionIds: string[] };
    at: Date;
  }): Promise<void>;
}

/** A user's registered devices, which have sessions of their own. */
export interface DevicePorts {
  /** Null when no device's session has this id. */
  readDeviceSession(deviceSessionId: string): Promise<{ userId: string; state: string } | null>;
  /** Those whose sessions are active, the most recently used first. */
  listDevices(userId: string): Promise<Omit<ListedSession, "kind" | "wallet" | "current">[]>;
  /** False when the user has no active session of this id. */
  endDeviceSession(session: { deviceSessionId: string; userId: string }): Promise<boolean>;
  /** Returns how many ended. */
  endDeviceSessions(input: { userId: string; exceptId?: string | undefined }): Promise<number>;
}

/** What deciding whether a wallet still stands behind its session needs. */
export interface ControlDeps extends SessionDeps, EndSessionDeps {
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

/** Ends a session that a wallet opened where that lost control; null while it stands. */
export async function endIfControlIsLost(
  deps: ControlDeps,
  { _id, userId, wallet }: StoredSession,
): Promise<ControlLoss | null> {
  if (wallet === null) return null;
  const loss = await deps.controlLossOf({ userId, ...wallet });
  if (loss === null) return null;
  await deps.sessions.endForControlLoss({ sessionId: _id, userId }, loss, deps.clock.now());
  await announceEnds(deps, userId);
  return loss;
}

/** Ends the sessions that a wallet opened for a user, because it was unlinked. */
export async function endWalletSessions(
  deps: EndSessionDeps,
  opened: { userId: string; walletAddress: string },
): Promise<void> {
  await deps.sessions.endOfWallet(opened, deps.clock.now());
  await announceEnds(deps, opened.userId);
}

/**
 * Rejects whose session has ended since its request was authenticated: for what must not outlive the session, asked after
 * it was written.
 *
 * @throws DomainError `session.revoked`
 */
export async function requireStanding(
  { sessions, readDeviceSession }: Pick<SessionDeps, "sessions"> & Pick<DevicePorts, "readDeviceSession">,
  { sessionId, userId }: { sessionId: string; userId: string },
): Promise<void> {
  const session = await sessions.findById(sessionId);
  if (session !== null && session.userId === userId && session.revokedAt === null) return;
  const device = session === null ? await readDeviceSession(sessionId) : null;
  if (device !== null && device.userId === userId && device.state === "active") return;
  throw sessionOver("session.revoked");
}

/** Ends the caller's own session. */
export async function logout(deps: EndSessionDeps, caller: { sessionId: string; userId: string }): Promise<void> {
  await deps.sessions.revoke(caller, deps.clock.now());
  await announceEnds(deps, caller.userId);
}

/** Ends the session of a token that its browser is about to replace; anything else than a token is ignored. */
export async function endReplacedSession(deps: EndSessionDeps, token: string | undefined): Promise<void> {
  if (token === undefined || !isSessionToken(token)) return;
  const userId = await deps.sessions.revokeByTokenHash(sha256Hex(token), deps.clock.now());
  if (userId !== null) await announceEnds(deps, userId);
}

/** Ends all of a user's sessions, those of browsers and those of devices, but `exceptId`; returns how many. */
export async function endAllSessions(
  deps: EndSessionDeps & Pick<DevicePorts, "endDeviceSessions">,
  { userId, exceptId }: { userId: string; exceptId?: string | undefined },
): Promise<number> {
  const [ended, endedDevices] = await Promise.all([
    deps.sessions.revokeAll(userId, deps.clock.now(), exceptId),
    deps.endDeviceSessions({ userId, exceptId }),
  ]);
  if (ended > 0) await announceEnds(deps, userId);
  return ended + endedDevices;
}

/** Tells a user's devices which of the user's sessions were ended. */
async function announceEnds({ sessions, appendUserEvent, clock }: EndSessionDeps, userId: string): Promise<void> {
  const sessionIds = await sessions.unannouncedEnds(userId);
  if (sessionIds.length === 0) return;
  const key = sessionIds.join(" ");
  await appendUserEvent({ userId, type: "session.invalidated", key, payload: { sessionIds }, at: clock.now() });
  await sessions.markEndsAnnounced(sessionIds);
}

const SWEEP_LIMIT = 500;

/** Tells of ends that nobody was told of, because the process that ended the sessions died. */
export async function announceForgottenEnds(
  deps: EndSessionDeps & { timing: { sweepAfterSeconds: number } },
): Promise<void> {
  const before = addSeconds(deps.clock.now(), -deps.timing.sweepAfterSeconds);
  for (const userId of await deps.sessions.withUnannouncedEnds(before, SWEEP_LIMIT)) await announceEnds(deps, userId);
}

/** A session as its owner sees it in the list of devices. */
export interface ListedSession {
  id: string;
  /** Whether a token is enough to use it, or the device signs with its key. */
  kind: "browser" | "device";
  device: string;
  /** The wallet that opened it; null for a password. */
  wallet: SessionWallet | null;
  createdAt: Date;
  lastActivityAt: Date;
  expiresAt: Date;
  current: boolean;
}

/**
 * The user's valid sessions and registered devices, the most recently used first; at most 100 of each. Sessions whose
 * wallet lost control end here.
 */
export async function listSessions(
  deps: ControlDeps & Pick<DevicePorts, "listDevices">,
  caller: { sessionId: string; userId: string },
): Promise<ListedSession[]> {
  const { sessions, clock, config } = deps;
  const [found, devices] = await Promise.all([
    sessions.listValid(caller.userId, clock.now()),
    deps.listDevices(caller.userId),
  ]);
  const losses = await Promise.all(found.map((session) => endIfControlIsLost(deps, session)));
  const standing = found.filter((_, place) => losses[place] === null);
  const ofBrowsers = standing.map(({ _id, device, wallet, createdAt, lastActivityAt }) => ({
    id: _id,
    kind: "browser" as const,
    device,
    wallet,
    createdAt,
    lastActivityAt,
    expiresAt: sessionExpiresAt({ createdAt, lastActivityAt }, config.sessions),
    current: _id === caller.sessionId,
  }));
  const ofDevices = devices.map((device) => ({
    ...device,
    kind: "device" as const,
    wallet: null,
    current: device.id === caller.sessionId,
  }));
  return [...ofBrowsers, ...ofDevices].sort((one, other) => +other.lastActivityAt - +one.lastActivityAt);
}

/**
 * Ends one of the user's sessions, of a browser or of a device.
 *
 * @throws DomainError `session.not_found` when the user has no valid session of this id
 */
export async function revokeSession(
  deps: EndSessionDeps & Pick<DevicePorts, "endDeviceSession">,
  session: { sessionId: string; userId: string },
): Promise<void> {
  const { sessionId, userId } = session;
  if (await deps.sessions.revoke(session, deps.clock.now())) return announceEnds(deps, userId);
  if (await deps.endDeviceSession({ deviceSessionId: sessionId, userId })) return;
  throw new DomainError(
    "session.not_found",
    "not_found",
    "You have no session of this id: GET /auth/sessions lists them.",
  );
}

/** Ends every session of the caller's user but the caller's own; returns how many. */
export async function revokeOtherSessions(
  deps: EndSessionDeps & Pick<DevicePorts, "endDeviceSessions">,
  caller: { sessionId: string; userId: string },
): Promise<number> {
  return endAllSessions(deps, { userId: caller.userId, exceptId: caller.sessionId });
}
