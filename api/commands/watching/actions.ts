import { DomainError } from "../../../core/errors";
import type {
  BrowserSessionCheckReply,
  InternalSessionReply,
  SessionsCheckReply,
  SessionState,
  UserEventsReply,
} from "../../../core/internalApi";

/** What gateways are told of sessions and events. */
export interface WatchDeps {
  /** Reads a device's session, without recording activity; null where none is stored. */
  readDeviceSession(deviceSessionId: string): Promise<DeviceSession | null>;
  /** What devices' sessions are, in the order asked; records the activity. */
  checkDeviceSessions(
    deviceSessionIds: string[],
  ): Promise<{ id: string; state: SessionState | "unknown"; userId?: string }[]>;
  /** What the session of a browser's token is. @throws DomainError `session.unknown` */
  inspectToken(token: string): Promise<BrowserSession>;
  /** What those of these browsers' sessions are that are stored, in no order. */
  inspectSessions(sessionIds: string[]): Promise<BrowserSession[]>;
  /** The numbers of users' newest events; users without any are left out. */
  userEventHeads(userIds: string[]): Promise<Map<string, number>>;
  readUserEvents(input: { userId: string; after: number; limit: number }): Promise<{
    events: { _id: string; seq: number; type: string; at: Date; payload: Record<string, unknown> }[];
    head: number;
    oldest: number | null;
  }>;
}

interface DeviceSession {
  deviceSessionId: string;
  userId: string;
  publicKey: string;
  state: SessionState;
  expiresAt: Date;
}

interface BrowserSession {
  sessionId: string;
  userId: string;
  state: SessionState;
  expiresAt: Date;
}

/**
 * A device's session and the number of its user's newest event. That is read before the state, so that no event up to it
 * ended a session that is active here. Whose session it is never changes.
 *
 * @throws DomainError `session.unknown`
 */
export async function readSession(deps: WatchDeps, deviceSessionId: string): Promise<InternalSessionReply> {
  const first = (await deps.readDeviceSession(deviceSessionId)) ?? throwUnknown();
  const head = await headOf(deps, first.userId);
  const { userId, publicKey, state, expiresAt } = (await deps.readDeviceSession(deviceSessionId)) ?? throwUnknown();
  return { deviceSessionId, userId, publicKey, state, expiresAt: expiresAt.toISOString(), head };
}

/** What sessions of devices and browsers are, in the order asked, heads read before states. */
export async function checkSessions(deps: WatchDeps, ids: string[]): Promise<SessionsCheckReply["sessions"]> {
  const users = new Set((await readStates(deps, ids)).flatMap(({ userId }) => userId ?? []));
  const heads = await deps.userEventHeads([...users]);
  const states = await readStates(deps, ids);
  return states.map(({ id, state, userId }) =>
    userId === undefined ? { id, state } : { id, state, userId, head: String(heads.get(userId) ?? 0) },
  );
}

async function readStates(
  deps: WatchDeps,
  ids: string[],
): Promise<{ id: string; state: SessionState | "unknown"; userId?: string }[]> {
  const ofDevices = await deps.checkDeviceSessions(ids);
  const others = ofDevices.filter(({ state }) => state === "unknown").map(({ id }) => id);
  const ofBrowsers = new Map((await deps.inspectSessions(others)).map((session) => [session.sessionId, session]));
  return ofDevices.map((ofDevice) => {
    const { state, userId } = ofBrowsers.get(ofDevice.id) ?? ofDevice;
    return userId === undefined ? { id: ofDevice.id, state } : { id: ofDevice.id, state, userId };
  });
}

/**
 * The session of a browser's token, and the number of its user's newest event, read before the state.
 *
 * @throws DomainError `session.unknown`
 */
export async function checkBrowserSession(deps: WatchDeps, token: string): Promise<BrowserSessionCheckReply> {
  const first = await deps.inspectToken(token);
  const head = await headOf(deps, first.userId);
  const { sessionId, userId, state, expiresAt } = await deps.inspectToken(token);
  return { state, sessionId, userId, expiresAt: expiresAt.toISOString(), head };
}

/** A user's events after a cursor, in order. */
export async function readEvents(
  { readUserEvents }: Pick<WatchDeps, "readUserEvents">,
  asked: { userId: string; after: number; limit: number },
): Promise<UserEventsReply> {
  const { events, head, oldest } = await readUserEvents(asked);
  return {
    events: events.map(({ _id, seq, type, at, payload }) => ({
      seq: String(seq),
      id: _id,
      type,
      at: at.toISOString(),
      payload,
    })),
    head: String(head),
    ...(oldest !== null && { oldest: String(oldest) }),
  };
}

async function headOf({ userEventHeads }: Pick<WatchDeps, "userEventHeads">, userId: string): Promise<string> {
  return String((await userEventHeads([userId])).get(userId) ?? 0);
}

function throwUnknown(): never {
  throw new DomainError("session.unknown", "not_found", "No device has this session.");
}
