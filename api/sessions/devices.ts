import type { Clock } from "../../core/clock";
import { DomainError } from "../../core/errors";
import { type SessionLifetime, sessionExpiresAt } from "./rules";
import type { SessionStore } from "./store";

/** What the device list works with. */
export interface DeviceParts {
  sessions: SessionStore;
  clock: Clock;
  lifetime: SessionLifetime;
}

/** A session as its owner sees it in the list of devices. */
export interface ListedSession {
  id: string;
  device: string;
  createdAt: Date;
  lastActivityAt: Date;
  expiresAt: Date;
  current: boolean;
}

/** The user's valid sessions, the most recently used first; at most 100. */
export async function listSessions(
  { sessions, clock, lifetime }: DeviceParts,
  caller: { sessionId: string; userId: string },
): Promise<ListedSession[]> {
  const found = await sessions.listValid(caller.userId, clock.now());
  return found.map(({ _id, device, createdAt, lastActivityAt }) => ({
    id: _id,
    ...{ device, createdAt, lastActivityAt },
    expiresAt: sessionExpiresAt({ createdAt, lastActivityAt }, lifetime),
    current: _id === caller.sessionId,
  }));
}

/**
 * Ends one of the user's sessions.
 *
 * @throws DomainError `session.not_found` when the user has no valid session of this id
 */
export async function revokeSession(
  { sessions, clock }: Pick<DeviceParts, "sessions" | "clock">,
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
  { sessions, clock }: Pick<DeviceParts, "sessions" | "clock">,
  caller: { sessionId: string; userId: string },
): Promise<number> {
  return sessions.revokeAll(caller.userId, clock.now(), caller.sessionId);
}
