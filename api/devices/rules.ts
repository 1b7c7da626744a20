import { DomainError } from "../../core/errors";

const DAY_SECONDS = 24 * 60 * 60;

/** How long a device's session lives: much longer than a browser's, because only the device's key can use it. */
export const DEVICE_SESSION_LIFETIME = {
  /** Without a command or an open stream for this long, it ends. */
  idleSeconds: 30 * DAY_SECONDS,
  /** Beyond this age it ends whatever its activity. */
  absoluteSeconds: 180 * DAY_SECONDS,
};

/** Activity is written at most once in this time. */
export const ACTIVITY_INTERVAL_SECONDS = 5 * 60;

export type DeviceSessionState = "active" | "expired" | "revoked";

/** The moments that decide whether a device's session is valid. */
export interface DeviceSessionTimes {
  createdAt: Date;
  lastActivityAt: Date;
  revokedAt: Date | null;
}

/** What becomes of a device's session at `now`. A deadline has passed in its very instant. */
export function deviceSessionState(session: DeviceSessionTimes, now: Date): DeviceSessionState {
  if (session.revokedAt !== null) return "revoked";
  return deviceSessionExpiresAt(session) <= now ? "expired" : "active";
}

/** When a device's session ends if nothing more is asked of it. */
export function deviceSessionExpiresAt({ createdAt, lastActivityAt }: Omit<DeviceSessionTimes, "revokedAt">): Date {
  const idle = addSeconds(lastActivityAt, DEVICE_SESSION_LIFETIME.idleSeconds);
  const absolute = deviceSessionAbsoluteEnd({ createdAt });
  return idle < absolute ? idle : absolute;
}

/** The last moment at which activity may extend a device's session. */
export function deviceSessionAbsoluteEnd({ createdAt }: Pick<DeviceSessionTimes, "createdAt">): Date {
  return addSeconds(createdAt, DEVICE_SESSION_LIFETIME.absoluteSeconds);
}

/**
 * {@link deviceSessionState} turned into bounds that a database can compare with: at `now`, a session that is not
 * revoked is active exactly if both its times are later than these.
 */
export function activeBounds(now: Date): { lastActivityAfter: Date; createdAfter: Date } {
  return {
    lastActivityAfter: addSeconds(now, -DEVICE_SESSION_LIFETIME.idleSeconds),
    createdAfter: addSeconds(now, -DEVICE_SESSION_LIFETIME.absoluteSeconds),
  };
}

/** The rejection of a device's session that is over. */
export function deviceSessionOver(state: Exclude<DeviceSessionState, "active">): DomainError {
  const reasons = {
    expired: "The device's session reached the end of its life.",
    revoked: "The device's session was ended.",
  };
  return new DomainError(`session.${state}`, "unauthenticated", `${reasons[state]} Register the device again.`);
}

/** The rejection of an id that belongs to no device's session, or to none that is still stored. */
export function deviceSessionUnknown(): DomainError {
  return new DomainError("session.unknown", "unauthenticated", "No device has this session. Register the device.");
}

function addSeconds(date: Date, seconds: number): Date {
  return new Date(date.getTime() + seconds * 1000);
}
