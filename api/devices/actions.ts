import { addSeconds, type Clock } from "../../core/clock";
import type { Timing } from "../../process/context";
import {
  deviceSessionExpiresAt,
  deviceSessionOver,
  type DeviceSessionState,
  deviceSessionState,
  deviceSessionUnknown,
} from "./rules";
import type { DeviceSessionKey, DeviceSessionStore } from "./store";

export interface DeviceSessionDeps {
  deviceSessions: DeviceSessionStore;
  clock: Clock;
}

/** What decides about a device's commands. */
export interface DeviceSessionRecord {
  deviceSessionId: string;
  userId: string;
  /** Raw Ed25519 public key, 32 bytes as base64url. */
  publicKey: string;
  state: DeviceSessionState;
  /** When it ends, or would have ended, by itself. */
  expiresAt: Date;
}

/**
 * Reads a device's session. That is no activity: whoever knows an id could extend the session otherwise.
 *
 * @returns null when no session has this id, or none that is still stored
 */
export async function readDeviceSession(
  { deviceSessions, clock }: DeviceSessionDeps,
  deviceSessionId: string,
): Promise<DeviceSessionRecord | null> {
  const session = await deviceSessions.find(deviceSessionId);
  return session === null ? null : recordOf(session, clock.now());
}

/**
 * Authenticates a command that a device signed, and records the activity.
 *
 * @throws DomainError `session.unknown`, also when the session is another user's, `session.expired`, `session.revoked`
 */
export async function authenticateDevice(
  { deviceSessions, clock }: DeviceSessionDeps,
  { deviceSessionId, userId }: { deviceSessionId: string; userId: string },
): Promise<DeviceSessionRecord> {
  const now = clock.now();
  const session = await deviceSessions.find(deviceSessionId);
  if (session === null || session.userId !== userId) throw deviceSessionUnknown();
  const state = deviceSessionState(session, now);
  if (state !== "active") throw deviceSessionOver(state);
  await deviceSessions.touch([deviceSessionId], now);
  return recordOf(session, now);
}

/** What one of several devices' sessions is; without a user where it is unknown. */
export interface CheckedDeviceSession {
  id: string;
  state: DeviceSessionState | "unknown";
  userId?: string;
}

/**
 * Says of the sessions of open streams what they are, in the order asked, and records the activity: a stream opens with
 * a signed request.
 */
export async function checkDeviceSessions(
  { deviceSessions, clock }: DeviceSessionDeps,
  deviceSessionIds: string[],
): Promise<CheckedDeviceSession[]> {
  const now = clock.now();
  const found = await deviceSessions.findMany(deviceSessionIds);
  await deviceSessions.touch(deviceSessionIds, now);
  const byId = new Map(found.map((session) => [session._id, session]));
  return deviceSessionIds.map((id) => {
    const session = byId.get(id);
    if (session === undefined) return { id, state: "unknown" };
    return { id, state: deviceSessionState(session, now), userId: session.userId };
  });
}

/** What ending sessions needs. */
export interface EndDeviceDeps extends DeviceSessionDeps {
  /** Stores an event for the user's devices, once for each key. */
  appendUserEvent(event: {
    userId: string;
    type: "session.invalidated";
    key: string;
    payload: { sessionIds: string[] };
    at: Date;
  }): Promise<void>;
}

/** A device as its owner sees it in the list of sessions. */
export interface ListedDevice {
  id: string;
  /** What its owner calls it. */
  device: string;
  createdAt: Date;
  lastActivityAt: Date;
  expiresAt: Date;
}

/** A user's devices whose sessions are active, the most recently used first; at most 100. */
export async function listDevices(
  { deviceSessions, clock }: DeviceSessionDeps,
  userId: string,
): Promise<ListedDevice[]> {
  const found = await deviceSessions.listActive(userId, clock.now());
  return found.map(({ _id, name, createdAt, lastActivityAt }) => ({
    id: _id,
    device: name,
    createdAt,
    lastActivityAt,
    expiresAt: deviceSessionExpiresAt({ createdAt, lastActivityAt }),
  }));
}

/** Ends the session of one of a user's devices; false when the user has none of this id that was still active. */
export async function endDeviceSession(
  deps: EndDeviceDeps,
  session: { deviceSessionId: string; userId: string },
): Promise<boolean> {
  const ended = await deps.deviceSessions.revoke(session, deps.clock.now());
  if (ended) await announceEnds(deps, session.userId);
  return ended;
}

/** Ends the sessions of all of a user's devices but `exceptId`; returns how many. */
export async function endDeviceSessions(
  deps: EndDeviceDeps,
  { userId, exceptId }: { userId: string; exceptId?: string | undefined },
): Promise<number> {
  const ended = await deps.deviceSessions.revokeAll(userId, deps.clock.now(), exceptId);
  if (ended > 0) await announceEnds(deps, userId);
  return ended;
}

/** Tells a user's devices which of their sessions were ended. */
async function announceEnds({ deviceSessions, appendUserEvent, clock }: EndDeviceDeps, userId: string): Promise<void> {
  const sessionIds = await deviceSessions.unannouncedEnds(userId);
  if (sessionIds.length === 0) return;
  const key = sessionIds.join(" ");
  await appendUserEvent({ userId, type: "session.invalidated", key, payload: { sessionIds }, at: clock.now() });
  await deviceSessions.markEndsAnnounced(sessionIds);
}

const SWEEP_LIMIT = 500;

/** Tells of ends that nobody was told of, because the process that ended the sessions died. */
export async function announceForgottenEnds(
  deps: EndDeviceDeps & { timing: Pick<Timing, "sweepAfterSeconds"> },
): Promise<void> {
  const before = addSeconds(deps.clock.now(), -deps.timing.sweepAfterSeconds);
  for (const userId of await deps.deviceSessions.withUnannouncedEnds(before, SWEEP_LIMIT)) {
    await announceEnds(deps, userId);
  }
}

function recordOf(session: DeviceSessionKey, now: Date): DeviceSessionRecord {
  const { _id, userId, publicKey } = session;
  return {
    deviceSessionId: _id,
    userId,
    publicKey,
    state: deviceSessionState(session, now),
    expiresAt: deviceSessionExpiresAt(session),
  };
}
