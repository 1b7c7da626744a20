import type { Clock } from "../../core/clock";
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
