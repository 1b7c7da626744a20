import { assertNever } from "../../core/errors";
import { SESSIONS_CHECK_LIMIT } from "../../core/internalApi";
import type { Logger } from "../../core/logger";
import type { PushHub } from "./pushHub";
import type { Subscriber } from "./subscription";

/** What the API says of a session with a stream. */
export interface CheckedSession {
  sessionId: string;
  state: "active" | "expired" | "revoked" | "unknown";
  /** The user's newest event, of active sessions. */
  head?: bigint | undefined;
}

export interface SessionWatchDeps {
  hub: Pick<PushHub, "sessions" | "announce" | "endSession">;
  checkSessions(ids: string[]): Promise<CheckedSession[]>;
  logger: Logger;
}

/** Asks the API again and again about every session that has a stream. */
export interface SessionWatch {
  /** Asks now; while it asks already, once more afterwards. */
  check(): Promise<void>;
  close(): void;
}

/**
 * Starts asking. A session that is no longer active has its streams ended, and streams learn what their user's newest
 * event is: so a message that was lost on its way is made up for. While the API does not answer, streams stay open;
 * each ends by its age.
 */
export function startSessionWatch({ hub, checkSessions, logger }: SessionWatchDeps, intervalMs: number): SessionWatch {
  let running: Promise<void> | undefined;
  let wanted = false;
  const isWanted = () => wanted;

  function apply(subscriber: Subscriber, { state, head }: CheckedSession): void {
    switch (state) {
      case "active":
        if (head !== undefined) hub.announce(subscriber.userId, head);
        return;
      case "revoked":
        hub.endSession(subscriber, "session_revoked");
        return;
      case "expired":
        hub.endSession(subscriber, "session_expired");
        return;
      case "unknown":
        hub.endSession(subscriber, "session_unknown");
        return;
      default:
        return assertNever(state);
    }
  }

  async function checkAll(): Promise<void> {
    const subscribers = hub.sessions();
    for (let from = 0; from < subscribers.length; from += SESSIONS_CHECK_LIMIT) {
      const asked = subscribers.slice(from, from + SESSIONS_CHECK_LIMIT);
      const answers = await checkSessions(asked.map(({ sessionId }) => sessionId));
      const bySession = new Map(answers.map((answer) => [answer.sessionId, answer]));
      for (const subscriber of asked) {
        const answer = bySession.get(subscriber.sessionId);
        if (answer !== undefined) apply(subscriber, answer);
      }
    }
  }

  async function run(): Promise<void> {
    while (isWanted()) {
      wanted = false;
      await checkAll().catch((error: unknown) =>
        logger.warn({ err: error }, "open streams' sessions were not checked"),
      );
    }
    running = undefined;
  }

  function check(): Promise<void> {
    wanted = true;
    running ??= run();
    return running;
  }

  const timer = setInterval(() => void check(), intervalMs);
  return { check, close: () => clearInterval(timer) };
}
