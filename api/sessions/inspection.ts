import { sha256Hex } from "../../core/hash";
import { assertNever, TransientError } from "../../core/errors";
import { type ControlDeps, endIfControlIsLost } from "./actions";
import { isSessionToken, type SessionEnd, sessionEnd, sessionExpiresAt, sessionUnknown } from "./rules";
import type { StoredSession } from "./store";

/** A session as those see it who watch it for somebody: what it is, and when it ends by itself. */
export interface InspectedSession {
  sessionId: string;
  userId: string;
  state: "active" | "expired" | "revoked";
  expiresAt: Date;
}

/**
 * Says what the session of a token is. That is no activity: a stream that nobody looks at must not extend its session.
 *
 * @throws DomainError `session.unknown`
 * @throws TransientError when the index cannot say who controls the DID of a session that a wallet opened
 */
export async function inspectToken(deps: ControlDeps, token: string): Promise<InspectedSession> {
  const session = isSessionToken(token) ? await deps.sessions.findByTokenHash(sha256Hex(token)) : null;
  if (session === null) throw sessionUnknown();
  return inspect(deps, session);
}

/**
 * Says what those of these sessions are that are stored, in no order; no activity either. Where the index cannot say who
 * controls the DID of one, that one is what it was.
 */
export async function inspectSessions(deps: ControlDeps, sessionIds: string[]): Promise<InspectedSession[]> {
  const found = await deps.sessions.findMany(sessionIds);
  return Promise.all(
    found.map(async (session) => {
      try {
        return await inspect(deps, session);
      } catch (error) {
        if (!(error instanceof TransientError)) throw error;
        return inspected(deps, session, sessionEnd(session, deps.config.sessions, deps.clock.now()));
      }
    }),
  );
}

async function inspect(deps: ControlDeps, session: StoredSession): Promise<InspectedSession> {
  const end = sessionEnd(session, deps.config.sessions, deps.clock.now());
  return inspected(deps, session, end ?? (await endIfControlIsLost(deps, session)) ?? undefined);
}

function inspected(
  { config }: Pick<ControlDeps, "config">,
  session: StoredSession,
  end: SessionEnd | undefined,
): InspectedSession {
  const { _id: sessionId, userId } = session;
  return {
    sessionId,
    userId,
    state: end === undefined ? "active" : stateAfter(end),
    expiresAt: sessionExpiresAt(session, config.sessions),
  };
}

function stateAfter(end: SessionEnd): "expired" | "revoked" {
  switch (end) {
    case "session.idle":
    case "session.expired":
      return "expired";
    case "session.revoked":
    case "session.wallet_unlinked":
    case "session.control_changed":
    case "session.did_deactivated":
      return "revoked";
    default:
      return assertNever(end);
  }
}
